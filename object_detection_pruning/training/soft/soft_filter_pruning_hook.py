"""A session hook that sets the weakest filters to zero and lets them grow."""

import os
from typing import Dict, List, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.channels import groups, importance
from object_detection_pruning.common import checks, errors
from object_detection_pruning.core import schedules
from object_detection_pruning.hooks import update_hook
from object_detection_pruning.training.soft import recovery_report


class SoftFilterPruningHook(update_hook.UpdateHook):
  """Soft filter pruning (He et al. 2018) of a model without masks.

  At each update point of the schedule the filters with the smallest norm are
  set to zero, with all layers of a group in step. Gradients still reach them,
  so they may grow back; the next update looks at them first, for the report,
  and selects anew. Biases and batch norm are left alone, since no gradient
  comes back through a channel that is zero after its activation.

  Where a run is taken up again, what was selected is known if there is a report
  file.
  """

  def __init__(
    self,
    channel_groups: Sequence[groups.ChannelGroup],
    schedule: schedules.Schedule,
    thresholds: Sequence[float] = (0.01,),
    report_path: Optional[str] = None,
  ):
    """Checks the arguments.

    Args:
      channel_groups: the groups to prune.
      schedule: share of each group's filters to set to zero, by step.
      thresholds: shares of the mean norm of a group's other filters, under
        which a filter counts as near zero.
      report_path: JSON file for what was selected and the last report.

    Raises:
      InputError: there is no group, one cannot be pruned, or a threshold is
        not above 0.
    """
    if not channel_groups:
      raise errors.InputError('there is no channel group to prune')
    for group in channel_groups:
      if group.reason:
        raise errors.InputError(f'{group.name} cannot go: {group.reason}')
    if not thresholds:
      raise errors.InputError('thresholds must not be empty')
    self._thresholds = sorted(
      checks.positive('threshold', value) for value in thresholds
    )
    self._groups = list(channel_groups)
    super().__init__(schedule)
    self._report_path = report_path
    self.selected: Dict[str, List[int]] = {}
    self.report: List[recovery_report.GroupReport] = []

  def begin(self) -> None:
    super().begin()
    by_name = {v.op.name: v for v in tf.global_variables()}
    names = {
      part.variable
      for group in self._groups
      for part in group.slices
      if part.is_output
    }
    for name in sorted(names - set(by_name)):
      raise errors.InputError(f'the graph has no variable {name}')
    self._variables = {name: by_name[name] for name in sorted(names)}
    self._inputs = {}
    self._assigns = {}
    for name, variable in self._variables.items():
      value = tf.placeholder(variable.dtype.base_dtype, variable.shape)
      self._inputs[name] = value
      self._assigns[name] = variable.assign(value, read_value=False)

  def started(self, session: tf.Session, step: int) -> None:
    # What was due before this run has been done by the one before it; before
    # step 0 there was none.
    self.done = self.schedule.last_update(step) if step else None
    if self._report_path and os.path.exists(self._report_path):
      state = recovery_report.read(self._report_path)
      names = {group.name for group in self._groups}
      if state.update_step == self.done and set(state.selected) == names:
        self.selected, self.report = state.selected, state.reports

  def ended(self, session: tf.Session, step: int) -> None:
    if not self.selected:
      return
    # Filters that had no time to grow say nothing; those before them did.
    if not self.report or step - self.done >= self.schedule.frequency:
      self._look(session.run(self._variables), step)
      self._write(self.done)
    for line in self.report:
      tf.logging.info('Soft filter pruning of %s', line)

  def update(self, session: tf.Session, step: int) -> None:
    tensors = session.run(self._variables)
    if self.selected:
      self._look(tensors, step)
    rate = self.schedule.sparsity(step)
    changed = set()
    for group in self._groups:
      scores = importance.scores('filter_l2', group, tensors)
      # One filter stays, or nothing could grow back through the layer.
      count = min(int(round(rate * group.size)), group.size - 1)
      chosen = np.sort(np.argsort(scores, kind='stable')[:count])
      self.selected[group.name] = chosen.tolist()
      for part in group.slices if count else ():
        if part.is_output:
          index = [slice(None)] * tensors[part.variable].ndim
          index[part.axis] = part.indices[chosen].reshape(-1)
          tensors[part.variable][tuple(index)] = 0
          changed.add(part.variable)
    session.run(
      [self._assigns[name] for name in sorted(changed)],
      {self._inputs[name]: tensors[name] for name in changed},
    )
    self._write(step)

  def _look(self, tensors: Dict[str, np.ndarray], step: int) -> None:
    self.report = [
      recovery_report.look(
        group, self.selected[group.name], tensors, self._thresholds, step
      )
      for group in self._groups
    ]
    tf.logging.info(
      'Soft filter pruning at step %d: %s of the filters set to zero came back',
      step,
      ', '.join(
        f'{recovery_report.failure_rate(self.report, threshold):.1%} '
        f'(above {threshold:g} of the others)'
        for threshold in self._thresholds
      ),
    )

  def _write(self, update_step: int) -> None:
    if self._report_path:
      recovery_report.State(update_step, self.selected, self.report).write(
        self._report_path
      )
