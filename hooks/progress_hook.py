"""A session hook that shows how far training is."""

import sys
import time
from typing import Optional

import tensorflow.compat.v1 as tf
import tqdm

from object_detection_pruning.hooks import model_pruning_hook, step_hook


class ProgressHook(step_hook.StepHook):
  """Shows step, loss, sparsity and time left.

  A bar where stderr is a terminal; a line now and then where it is not. The
  first step, in which TensorFlow gets ready, counts for no estimate, and
  neither do evaluations between steps.
  """

  chief_only = False

  def __init__(
    self,
    loss: tf.Tensor,
    last_step: Optional[int] = None,
    pruning_hook: Optional[model_pruning_hook.ModelPruningHook] = None,
    every_secs: float = 30.0,
  ):
    """Keeps what to show.

    Args:
      loss: float scalar.
      last_step: global step at which training ends, None if it does not.
      pruning_hook: whose sparsity is shown, if there is one.
      every_secs: seconds between lines.
    """
    self._loss = loss
    self._last_step = last_step
    self._pruning_hook = pruning_hook
    self._every_secs = every_secs
    self._bar = None

  def started(self, session: tf.Session, step: int) -> None:
    # The step that the estimate counts from; known after the first run.
    self._counted_from: Optional[int] = None
    self._seconds = 0.0
    self._shown = time.time()
    begins = f'training goes on at step {step}' if step else 'training begins'
    print(
      f'{begins}; the first step takes the longest', file=sys.stderr, flush=True
    )
    if sys.stderr.isatty() and self._bar is None:
      self._bar = tqdm.tqdm(
        total=self._last_step,
        initial=step,
        unit='step',
        desc='train',
        dynamic_ncols=True,
      )

  def before_step(self, session: tf.Session) -> None:
    self._began = time.time()

  def fetches(self) -> tf.Tensor:
    return self._loss

  def after_step(self, step: int, values: float) -> None:
    is_first = self._counted_from is None
    if is_first:
      self._counted_from = step
    else:
      self._seconds += time.time() - self._began
    if self._bar is not None:
      self._bar.set_postfix(self._state(values), refresh=False)
      if is_first:
        self._bar.initial = self._bar.n = self._bar.last_print_n = step
        self._bar.unpause()
      self._bar.update(step - self._bar.n)
    elif is_first or time.time() - self._shown >= self._every_secs:
      self._shown = time.time()
      self._log(step, values)

  def ended(self, session: tf.Session, step: int) -> None:
    if self._bar is not None:
      self._bar.update(step - self._bar.n)
      self._bar.close()
      self._bar = None

  def _state(self, loss: float) -> dict:
    state = {'loss': f'{loss:.3f}'}
    if self._pruning_hook is not None:
      state['sparsity'] = f'{self._pruning_hook.sparsity or 0:.3f}'
    return state

  def _log(self, step: int, loss: float) -> None:
    words = [f'step {step}']
    if self._last_step:
      words[0] += f' of {self._last_step}'
    words += [f'{key} {value}' for key, value in self._state(loss).items()]
    done = step - self._counted_from
    if done > 0:
      seconds = self._seconds / done
      words.append(f'{seconds:.2f} s a step')
      if self._last_step:
        left = max(0, self._last_step - step) * seconds
        words.append(f'{left / 60:.1f} min left')
    print(', '.join(words), file=sys.stderr, flush=True)
