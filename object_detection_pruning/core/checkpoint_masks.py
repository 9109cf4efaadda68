"""Masks of a checkpoint that the model which reads it does not have.

A kernel that is restored without its mask comes back with all the weights that
were pruned, and nothing else would tell.
"""

from typing import Dict, Set, Tuple

import tensorflow as tf

from object_detection_pruning.core import errors, kernels


def check_built(
  name: str, shapes: Dict[str, Tuple[int, ...]], graph: tf.Graph = None
) -> None:
  """Checks that a graph has a mask wherever a checkpoint has one.

  Kernels that the graph does not have at all are not looked at.

  Args:
    name: what the user calls the checkpoint.
    shapes: shape of every variable of the checkpoint, by name.
    graph: of the model that reads it.

  Raises:
    InputError: the graph has a kernel of the checkpoint, but not its mask.
  """
  graph = graph or tf.get_default_graph()
  names = {
    variable.op.name
    for variable in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
  }
  lost = sorted(
    mask
    for kernel, mask in kernels.kernels_with_masks(shapes).items()
    if any(
      kernels.mask_names(reader)[0] not in names
      for reader in _readers(kernel, names)
    )
  )
  if lost:
    raise errors.InputError(
      f'{name} has {len(lost)} masks that this config does not build, '
      f'{lost[0]} for one, and without them pruned weights come back: name the '
      'masked feature extractor or include the layers in the pruning message, '
      'or take the exported checkpoint, whose masks are folded in'
    )


def _readers(kernel: str, names: Set[str]) -> Set[str]:
  """Gives the kernels of a graph that a kernel of a checkpoint goes to."""
  if kernel in names:
    return {kernel}
  # A detector puts scopes of its own before the names of a classifier.
  return {name for name in names if name.endswith('/' + kernel)}
