"""A session hook that ends a training whose numbers are not finite any more."""

import math
from typing import Any, List

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.hooks import step_hook

_ADVICE = (
  'nothing of it was saved; lower the learning rate, or set '
  'gradient_clipping_by_norm'
)


class FiniteHook(step_hook.StepHook):
  """Looks at loss and gradients after each step, at weights when a run begins.

  It comes before the hook that saves checkpoints, so that none is written with
  what it finds. `BeforeSaving` looks at the weights then.
  """

  def __init__(self, loss: tf.Tensor):
    """Keeps what to look at.

    Args:
      loss: float scalar.
    """
    self._loss = loss

  def begin(self) -> None:
    super().begin()
    self._variables: List[str] = []
    finite = []
    for variable, gradient in _gradients(self._loss.graph):
      self._variables.append(variable)
      with tf.device(gradient.device):
        finite.append(tf.reduce_all(tf.is_finite(gradient)))
    self._finite = tf.stack(finite) if finite else []

  def started(self, session: tf.Session, step: int) -> None:
    broken = _broken_weights(session)
    if broken:
      raise errors.InputError(
        f'training cannot begin at step {step}: {_named(broken)} of the '
        'checkpoint has NaN or Inf in it'
      )

  def fetches(self) -> Any:
    return [self._loss, self._finite]

  def after_step(self, step: int, values: Any) -> None:
    loss, finite = values
    broken = [
      name for name, is_fine in zip(self._variables, finite) if not is_fine
    ]
    if math.isfinite(loss) and not broken:
      return
    found = []
    if not math.isfinite(loss):
      found.append(f'the loss is {loss}')
    if broken:
      found.append(f'the gradient of {_named(broken)} has NaN or Inf in it')
    raise errors.InputError(
      f'training broke down at step {step}: {" and ".join(found)}; {_ADVICE}'
    )


class BeforeSaving(tf.train.CheckpointSaverListener):
  """Lets no checkpoint be written whose weights are not finite."""

  def before_save(self, session: tf.Session, global_step_value: int) -> None:
    check_weights(session, global_step_value)


def check_weights(session: tf.Session, step: int) -> None:
  """Refuses weights that are not finite.

  Raises:
    InputError: some are not; the line names the variable and the step.
  """
  broken = _broken_weights(session)
  if broken:
    raise errors.InputError(
      f'training broke down at step {step}: {_named(broken)} has NaN or Inf '
      f'in it; {_ADVICE}'
    )


def _broken_weights(session: tf.Session) -> List[str]:
  variables = [
    variable
    for variable in session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    if variable.dtype.base_dtype.is_floating
  ]
  values = session.run(variables) if variables else []
  return [
    variable.op.name
    for variable, value in zip(variables, values)
    if not np.all(np.isfinite(value))
  ]


def _gradients(graph: tf.Graph):
  """Finds what optimizers apply, as pairs of a variable's name and a tensor."""
  found = []
  for op in graph.get_operations():
    if 'Apply' not in op.type:
      continue
    names = [argument.name for argument in op.op_def.input_arg]
    if 'var' in names and 'grad' in names and len(names) == len(op.inputs):
      gradient = op.inputs[names.index('grad')]
      if gradient.dtype.is_floating:
        found.append((op.inputs[names.index('var')].op.name, gradient))
  return found


def _named(names: List[str]) -> str:
  more = f' (and of {len(names) - 1} more)' if len(names) > 1 else ''
  return names[0] + more
