"""Masks and scores that a checkpoint and its reader do not both have."""

from typing import Dict, Optional, Set, Tuple

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import gathering, kernels


def check_built(
  name: str, shapes: Dict[str, Tuple[int, ...]], graph: tf.Graph = None
) -> None:
  """Checks that a graph has a mask wherever a checkpoint has one.

  A kernel that is restored without its mask comes back with all the weights
  that were pruned, and nothing else would tell.

  Kernels that the graph does not have at all are not looked at.

  Args:
    name: what the user calls the checkpoint.
    shapes: shape of every variable of the checkpoint, by name.
    graph: of the model that reads it.

  Raises:
    InputError: the graph has a kernel of the checkpoint, but not its mask.
  """
  names = set(_shapes(graph))
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


def check_given(
  name: str, shapes: Dict[str, Tuple[int, ...]], graph: tf.Graph = None
) -> None:
  """Checks that a checkpoint has a mask wherever a graph has one.

  Args:
    name: what the user calls the checkpoint.
    shapes: shape of every variable of the checkpoint, by name.
    graph: of the model that is restored from it, masks and all.

  Raises:
    InputError: the checkpoint has a kernel of the graph, but not its mask.
  """
  missing = sorted(
    mask
    for kernel, mask in kernels.kernels_with_masks(_shapes(graph)).items()
    if kernel in shapes and mask not in shapes
  )
  if missing:
    raise errors.InputError(
      f'{name} lacks {len(missing)} masks that this config builds, '
      f'{missing[0]} for one, so it cannot go on from there: name the feature '
      'extractor that it was trained with, or make it the fine_tune_checkpoint '
      'of a run in another folder'
    )


def check_gathered(
  name: str, shapes: Dict[str, Tuple[int, ...]], graph: tf.Graph = None
) -> None:
  """Checks that a checkpoint has the scores that a graph gathers.

  Args:
    name: what the user calls the checkpoint.
    shapes: shape of every variable of the checkpoint, by name.
    graph: of the model that is restored from it, scores and all.

  Raises:
    InputError: the checkpoint lacks some.
  """
  graph = graph or tf.get_default_graph()
  wanted = [v.op.name for v in graph.get_collection(gathering.SCORES)]
  missing = sorted(set(wanted).difference(shapes))
  if missing:
    criterion = kernels.criterion_of_score(missing[0])
    raise errors.InputError(
      f'{name} has no scores of criterion {criterion} ({missing[0]} for one), '
      'so it cannot go on from there: name the criterion that it was trained '
      'with, or make it the fine_tune_checkpoint of a run in another folder'
    )


def _shapes(graph: Optional[tf.Graph]) -> Dict[str, Tuple[int, ...]]:
  graph = graph or tf.get_default_graph()
  return {
    variable.op.name: tuple(variable.shape.as_list())
    for variable in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
  }


def _readers(kernel: str, names: Set[str]) -> Set[str]:
  """Gives the kernels of a graph that a kernel of a checkpoint goes to."""
  if kernel in names:
    return {kernel}
  # A detector puts scopes of its own before the names of a classifier.
  return {name for name in names if name.endswith('/' + kernel)}
