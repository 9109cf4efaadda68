"""What is pruned alone: a channel group, or the kernels of a layer."""

from typing import Callable, Dict, List, NamedTuple, Sequence, Set

import numpy as np
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import masked_network
from object_detection_pruning.channels import (
  importance,
  pruning,
  selection,
  surgery,
)
from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  choices,
  kernels,
  layer_patterns,
  thresholds,
  vocabulary,
)

# One channel stays.
_BOUNDS = selection.Bounds(round_to=1, min_channels=1)
_OFFERED = (vocabulary.Filter, vocabulary.Weight)
GRANULARITIES = FILTER, WEIGHT = tuple(choices.forms(_OFFERED))
# The others depend on a draw or on training batches, and pruning must take the
# very channels that were measured.
IMPORTANCES = importance.OF_CHECKPOINT


def check_granularity(text: str, name: str = 'granularity') -> None:
  """Raises `InputError` for a granularity that no analysis has."""
  choices.find(name, text, _OFFERED, vocabulary.PATTERNS)


def num_removed(size: int, ratio: float) -> int:
  """Gives how many channels of a group go at a ratio."""
  return size - _BOUNDS.kept(size, size * (1 - ratio))


class Prunable(NamedTuple):
  """A thing that is pruned at several ratios, all else being whole.

  Attributes:
    name: of the layer, or of the first layer of the group.
    layers: all layers that lose filters or weights.
    size: number of channels or weights.
    variables: names of those that change at any ratio.
    changes: gives the new values of variables, by name, at a ratio.
  """

  name: str
  layers: Sequence[str]
  size: int
  variables: Sequence[str]
  changes: Callable[[float], Dict[str, np.ndarray]]


def filters(
  network: pruning.Network, tensors: Dict[str, np.ndarray], method: str
) -> List[Prunable]:
  """Lists the channel groups; their weakest channels go first.

  Args:
    network: from `channels.pruning.analyze`.
    tensors: the checkpoint by name, masks folded in.
    method: importance, one of `IMPORTANCES`.
  """
  return [
    _of_group(network, tensors, group, method)
    for group in network.channels.prunable
  ]


def weights(
  network: pruning.Network, tensors: Dict[str, np.ndarray]
) -> List[Prunable]:
  """Lists the layers that the config masks; all, if it masks none.

  Args:
    network: from `channels.pruning.analyze`.
    tensors: the checkpoint by name, masks folded in.
  """
  masked = masked_kernels(network.config)
  by_layer: Dict[str, List[str]] = {}
  for name, shape in network.channels.shapes.items():
    kind = kernels.kind_of(name, len(shape))
    if name in masked or (not masked and kind == kernels.DENSE):
      by_layer.setdefault(kernels.layer_name(name), []).append(name)
  return [_of_layer(layer, names, tensors) for layer, names in by_layer.items()]


def masked_kernels(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> Dict[str, int]:
  """Gives the kernels that a config masks, and the size of each, by name."""
  return {
    kernel.weights.op.name: kernel.size
    for kernel in masked_network.kernels(config)
  }


def choose(
  prunables: Sequence[Prunable], include: Sequence[str], exclude: Sequence[str]
) -> Set[str]:
  """Names the prunables to analyse.

  Args:
    prunables: all of the model.
    include: patterns; a prunable counts if one is found in any of its layers.
      None at all means every prunable.
    exclude: patterns of layers to leave out.

  Raises:
    InputError: a pattern is broken or found in no layer, or nothing is left.
  """
  layers = [layer for prunable in prunables for layer in prunable.layers]
  layer_patterns.check_each_found(
    include, exclude, layers, 'layer that can be pruned'
  )
  chosen = {
    prunable.name
    for prunable in prunables
    if layer_patterns.is_chosen(include, exclude, prunable.layers)
  }
  if not chosen:
    raise errors.InputError('no layer is left to analyse')
  return chosen


def _of_group(network, tensors, group, method) -> Prunable:
  scores = importance.scores(method, group, tensors)
  variables = sorted(
    {
      part.variable
      for part in group.slices
      if part.is_output or len(network.shapes[part.variable]) == 1
    }
  )

  def changes(ratio: float) -> Dict[str, np.ndarray]:
    removed = selection.per_group(
      {group.name: scores}, {group.name: ratio}, _BOUNDS
    )
    silenced = surgery.silence(
      {name: tensors[name] for name in variables}, network.plan(removed)
    )
    return {
      name: array
      for name, array in silenced.items()
      if array is not tensors[name]
    }

  return Prunable(group.name, group.layers, group.size, variables, changes)


def _of_layer(layer, names, tensors) -> Prunable:
  def changes(ratio: float) -> Dict[str, np.ndarray]:
    return {name: _masked_array(tensors[name], ratio) for name in names}

  size = sum(tensors[name].size for name in names)
  return Prunable(layer, [layer], size, names, changes)


def _masked_array(array: np.ndarray, ratio: float) -> np.ndarray:
  result = array.copy().reshape(-1)
  order = np.argsort(np.abs(result), kind='stable')
  result[order[: thresholds.zeros_for(ratio, result.size)]] = 0
  return result.reshape(array.shape)
