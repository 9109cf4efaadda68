"""How long each layer takes in the sparse graph, at some shares of zeros."""

from typing import Dict, List, Sequence, Set

import numpy as np

from object_detection_pruning.graphs import (
  freezing,
  graph_outputs,
  sample_feeds,
)
from object_detection_pruning.reconstruction import kernel_layers
from object_detection_pruning.reconstruction import model as models
from object_detection_pruning.sparse_ops import node_times, rewrite

# Fewer zeros make no layer faster.
FEWEST_ZEROS = rewrite.DEFAULT_MIN_SPARSITY
_SEED = 1


def measure(
  model: models.Model,
  layers: Sequence[kernel_layers.KernelLayer],
  levels: Sequence[float],
  photo: np.ndarray,
) -> np.ndarray:
  """Runs the sparse graph of a model with random zeros, on one thread.

  A sparse op may do the work of several layers. Layers that share an op at some
  level share its time at every level, each by the size of its kernel. What runs
  beside them in such an op, a depthwise layer for instance, counts as theirs.

  Args:
    model: the dense detector.
    layers: of it.
    levels: shares of zeros, the same for all layers.
    photo: uint8 [height, width, 3].

  Returns:
    Seconds, [layers, levels].
  """
  part = model.detection_part()
  graphs = [
    rewrite.rewrite(freezing.with_constants(part, zeroed(layers, level)))
    for level in levels
  ]
  times = node_times.measure(
    [each.graph_def for each in graphs],
    sample_feeds.make(model.graph_def, photo),
    graph_outputs.detection_outputs(model.graph_def),
  )
  return shared_out(layers, [each.origins for each in graphs], times)


def zeroed(
  layers: Sequence[kernel_layers.KernelLayer], level: float
) -> Dict[str, np.ndarray]:
  """Gives the layers' kernels with a share of random zeros."""
  random = np.random.RandomState(_SEED)
  values = {}
  for layer in layers:
    kernel = layer.kernel.copy()
    zeros = random.permutation(kernel.size)[: int(round(level * kernel.size))]
    kernel.reshape(-1)[zeros] = 0
    values[layer.constant] = kernel
  return values


def shared_out(
  layers: Sequence[kernel_layers.KernelLayer],
  origins: Sequence[Dict[str, List[str]]],
  times: Sequence[Dict[str, float]],
) -> np.ndarray:
  """Gives each layer its part of the nodes' times.

  Args:
    layers: of the plain graph.
    origins: of each rewritten graph, the plain nodes that a node stands for.
    times: of each rewritten graph, the seconds of each node.

  Returns:
    Seconds, [layers, graphs].
  """
  groups = _groups(layers, origins)
  result = np.zeros((len(layers), len(times)))
  for members, nodes in groups:
    sizes = np.array([layers[number].kernel.size for number in members])
    for level, (made, seconds) in enumerate(zip(origins, times)):
      total = sum(
        took
        for name, took in seconds.items()
        if nodes.intersection(made.get(name, (name,)))
      )
      result[members, level] = total * sizes / sizes.sum()
  return result


def _groups(layers, origins):
  """Joins layers that any op stands for together.

  Returns:
    For each group the numbers of its layers, and the names of their nodes and
    of all nodes that are in an op with them.
  """
  groups = [
    ([number], {site.node for site in layer.sites})
    for number, layer in enumerate(layers)
  ]
  for made in origins:
    for names in made.values():
      together = [each for each in groups if each[1].intersection(names)]
      if not together:
        continue
      numbers: List[int] = sorted(n for each in together for n in each[0])
      nodes: Set[str] = set(names).union(*(each[1] for each in together))
      groups = [each for each in groups if each not in together]
      groups.append((numbers, nodes))
  return groups
