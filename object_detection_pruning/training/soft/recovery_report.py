"""What became of the filters that soft filter pruning has set to zero."""

import json
from typing import Dict, List, NamedTuple, Sequence

import numpy as np

from object_detection_pruning.channels import groups, importance
from object_detection_pruning.common import atomic_files, errors


class GroupReport(NamedTuple):
  """What became of the filters of a group that were set to zero.

  Attributes:
    group: its name.
    step: global step at which they were looked at again.
    selected: indices of the channels that were set to zero before.
    came_back: for each threshold, how many of them are above that share of the
      mean norm of the others.
    thresholds: shares of the mean norm, ascending.
  """

  group: str
  step: int
  selected: List[int]
  came_back: List[int]
  thresholds: List[float]

  @property
  def failure_rates(self) -> List[float]:
    """Share of the selected that came back, for each threshold."""
    return [count / max(1, len(self.selected)) for count in self.came_back]

  def __str__(self) -> str:
    parts = [
      f'{len(self.selected) - count} stayed and {count} came back '
      f'({rate:.0%}) at {threshold:g}'
      for count, rate, threshold in zip(
        self.came_back, self.failure_rates, self.thresholds
      )
    ]
    return f'{self.group}: of {len(self.selected)} ' + '; '.join(parts)


class State(NamedTuple):
  """Where soft filter pruning is, as it is kept in a file.

  Attributes:
    update_step: global step of the last update.
    selected: channels that it set to zero, by group.
    reports: on those that the update before it had set to zero; the last ones
      if training is over.
  """

  update_step: int
  selected: Dict[str, List[int]]
  reports: List[GroupReport]

  def write(self, path: str) -> None:
    """Writes it as JSON."""
    content = self._asdict()
    content['reports'] = [report._asdict() for report in self.reports]
    atomic_files.write(path, json.dumps(content, indent=1))


def read(path: str) -> State:
  """Reads what `State.write` has written.

  Raises:
    InputError: it is something else.
  """
  try:
    with open(path) as file:
      content = json.load(file)
    reports = [GroupReport(**entry) for entry in content.pop('reports')]
    return State(reports=reports, **content)
  except (ValueError, KeyError, TypeError, AttributeError) as error:
    raise errors.InputError(f'{path} is no report of soft pruning: {error}')


def look(
  group: groups.ChannelGroup,
  selected: Sequence[int],
  tensors: Dict[str, np.ndarray],
  thresholds: Sequence[float],
  step: int,
) -> GroupReport:
  """Looks at the filters of a group that were set to zero.

  Args:
    group: the channels.
    selected: those that were set to zero; not all of them.
    tensors: what the variables are now, by name.
    thresholds: shares of the mean norm of the others, ascending.
    step: the global step.
  """
  norms = importance.scores('filter_l2', group, tensors)
  scale = np.delete(norms, selected).mean()
  return GroupReport(
    group.name,
    step,
    list(map(int, selected)),
    [int((norms[list(selected)] > t * scale).sum()) for t in thresholds],
    list(thresholds),
  )


def failure_rate(reports: Sequence[GroupReport], threshold: float) -> float:
  """Gives the share of all selected filters that came back.

  Args:
    reports: of all groups.
    threshold: one of those of the reports.

  Raises:
    InputError: a report does not have the threshold.
  """
  selected = came_back = 0
  for report in reports:
    if threshold not in report.thresholds:
      raise errors.InputError(
        f'threshold must be one of {report.thresholds}, got {threshold}'
      )
    selected += len(report.selected)
    came_back += report.came_back[report.thresholds.index(threshold)]
  return came_back / max(1, selected)
