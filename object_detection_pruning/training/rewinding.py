"""Weights of an earlier checkpoint under the masks of a later one.

Frankle et al. 2020 (Linear Mode Connectivity and the Lottery Ticket Hypothesis,
arXiv:1912.05671): what is pruned late is trained again from early weights.
"""

import glob
import os
from typing import Dict, NamedTuple, Optional

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.core import kernels
from object_detection_pruning.protos import pruning_pb2

Tensors = Dict[str, np.ndarray]


class Rewinding(NamedTuple):
  """What a training begins with.

  Attributes:
    earlier: prefix of the checkpoint that all but the masks comes from.
    later: prefix of the one whose masks are taken.
    keeps_step: whether the global step is that of the earlier one; else 0.
  """

  earlier: str
  later: str
  keeps_step: bool = True

  @property
  def step(self) -> int:
    """The global step that training begins with."""
    return checkpoints.global_step(self.earlier) if self.keeps_step else 0


def from_message(
  message: pruning_pb2.Pruning, start: str, last_step: Optional[int]
) -> Optional[Rewinding]:
  """Gives what a message asks for, None where it asks for nothing.

  Args:
    message: a `pruning` message.
    start: the `fine_tune_checkpoint` of the config, '' for none.
    last_step: last training step, None or 0 if there is none.

  Raises:
    InputError: a checkpoint is not there or not named, or the earlier one is
      not before the last step.
  """
  if not message.HasField('rewind_checkpoint'):
    if message.HasField('rewind_step'):
      raise errors.InputError(
        'rewind_step is set but rewind_checkpoint is not: it names the '
        'checkpoint whose step is meant'
      )
    return None
  if not start:
    raise errors.InputError(
      'rewind_checkpoint has the weights, and the masks are those of the '
      'fine_tune_checkpoint: name a pruned one in the train_config'
    )
  found = Rewinding(
    checkpoints.resolve(message.rewind_checkpoint),
    checkpoints.resolve(start),
    message.rewind_step,
  )
  if last_step and found.step >= last_step:
    raise errors.InputError(
      f'rewind_checkpoint {found.earlier} is at step {found.step}, which must '
      f'be before the last training step ({last_step}): give an earlier one, '
      'or --norewind_step to begin at step 0'
    )
  return found


def rewound(rewinding: Rewinding, earlier: Tensors, later: Tensors) -> Tensors:
  """Joins all variables of one checkpoint and the masks of another.

  Args:
    rewinding: names the checkpoints.
    earlier: arrays by variable name.
    later: arrays by variable name.

  Returns:
    Arrays by variable name.

  Raises:
    InputError: there are no masks, or the kernels are not the same.
  """
  masks = kernels.kernels_with_masks(_shapes(later))
  if not masks:
    raise errors.InputError(
      f'fine_tune_checkpoint {rewinding.later} has no masks to rewind under: '
      'name a checkpoint of a training that has pruned'
    )
  result = dict(earlier)
  for kernel in kernels.kernels_with_masks(_shapes(earlier)):
    for name in kernels.mask_names(kernel):
      result.pop(name, None)
  for kernel, mask in sorted(masks.items()):
    if kernel not in earlier:
      found = 'has none'
    elif earlier[kernel].shape == later[mask].shape:
      for name in kernels.mask_names(kernel):
        if name in later:
          result[name] = later[name]
      continue
    else:
      found = f'has it as {list(earlier[kernel].shape)}'
    raise errors.InputError(
      f'kernel {kernel} has a mask of {list(later[mask].shape)} in '
      f'{rewinding.later}, and {rewinding.earlier} {found}: both must be of '
      'the same network'
    )
  step = np.array(rewinding.step, np.int64)
  result[tf.GraphKeys.GLOBAL_STEP] = step
  return result


def write(rewinding: Rewinding, model_dir: str) -> Optional[str]:
  """Writes what a training begins with into its folder.

  A folder that has a checkpoint already is left alone: a run goes on there.

  Args:
    rewinding: what is wanted.
    model_dir: folder of the training.

  Returns:
    Prefix of the new checkpoint, None if there was one.

  Raises:
    InputError: the checkpoints do not fit together, or cannot be read.
  """
  if checkpoints.latest(model_dir):
    return None
  tensors = rewound(
    rewinding,
    checkpoints.read(rewinding.earlier),
    checkpoints.read(rewinding.later),
  )
  prefix = os.path.join(model_dir, f'model.ckpt-{rewinding.step}')
  checkpoints.write(prefix, tensors)
  checkpoints.name_latest(prefix)
  tf.logging.info(
    'Training begins at step %d with the weights of %s and the masks of %s.',
    rewinding.step,
    rewinding.earlier,
    rewinding.later,
  )
  return prefix


def remove(prefix: str) -> None:
  """Removes what `write` has written, from a folder that has nothing else."""
  for path in glob.glob(glob.escape(prefix) + '.*'):
    os.remove(path)
  os.remove(os.path.join(os.path.dirname(prefix), 'checkpoint'))


def check_whole(name: str, shapes: Dict[str, tuple]) -> None:
  """Checks that a rewound checkpoint has all that a training goes on with.

  Args:
    name: its prefix.
    shapes: shape of every variable of it, by name.

  Raises:
    InputError: the graph has a variable that it lacks, or of another shape.
  """
  missing = [
    variable.op.name
    for variable in tf.global_variables()
    if shapes.get(variable.op.name) != tuple(variable.shape.as_list())
  ]
  if missing:
    raise errors.InputError(
      f'{len(missing)} variables of this training, {missing[0]} for one, are '
      f'not as they are in {name}: rewind_checkpoint must be of a training '
      'with the same network and optimizer'
    )


def _shapes(tensors: Tensors) -> Dict[str, tuple]:
  return {name: array.shape for name, array in tensors.items()}
