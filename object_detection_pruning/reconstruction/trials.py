"""Runs at several sparsities, and what each of them lost."""

import json
from typing import Any, Dict, List, NamedTuple, Optional

from object_detection_pruning.common import atomic_files

# What a share is called, by what it is a share of.
WORDS = {
  'weights': 'zeros',
  'macs': 'fewer multiply-adds',
  'latency': 'less time',
}
# What is lost by no more than this is not lost: 1 - 0.594 / 0.6 is above 0.01.
_ROUNDING = 1e-9


class Trial(NamedTuple):
  """A run.

  Attributes:
    sparsity: share of zeros, or of what else it was asked for.
    value: of the metric.
  """

  sparsity: float
  value: float


class Trials(NamedTuple):
  """All runs of a search.

  Attributes:
    metric: its name.
    dense: its value without zeros.
    max_loss: share of it that may be lost.
    runs: in the order in which they were made.
    target: what the share of a run is of; a key of WORDS.
  """

  metric: str
  dense: float
  max_loss: float
  runs: List[Trial]
  target: str = 'weights'

  def loss(self, trial: Trial) -> float:
    """Share of the dense value that a run lost; negative for a gain."""
    return 1 - trial.value / self.dense

  def is_within(self, trial: Trial) -> bool:
    """Whether a run lost no more than it may."""
    return self.loss(trial) <= self.max_loss + _ROUNDING

  @property
  def chosen(self) -> Optional[Trial]:
    """The sparsest run within the bound, None if none is."""
    within = [trial for trial in self.runs if self.is_within(trial)]
    return max(within, key=lambda trial: trial.sparsity) if within else None

  def line(self, trial: Trial) -> str:
    """Says in a line what came of a run."""
    verdict = 'within' if self.is_within(trial) else 'over'
    return (
      f'{trial.sparsity:.0%} {WORDS[self.target]}: '
      f'{self.metric} {trial.value:.4f}, {self._lost(trial)} lost, '
      f'{verdict} the bound of {self.max_loss:.2%}'
    )

  def none_within(self) -> str:
    """Says that no run is within the bound, and what the least one lost."""
    least = min(self.runs, key=lambda trial: trial.sparsity)
    return (
      f'none at this bound: {least.sparsity:.0%} {WORDS[self.target]} lose '
      f'{self._lost(least)} of the {self.metric} of {self.dense:.4f}, and '
      f'max_loss allows {self.max_loss:.2%}'
    )

  def as_json(self) -> Dict[str, Any]:
    """The runs as plain values."""
    return {
      'metric': self.metric,
      'dense': self.dense,
      'max_loss': self.max_loss,
      'target': self.target,
      'sparsity': self.chosen.sparsity if self.chosen else None,
      'runs': [
        dict(trial._asdict(), loss=self.loss(trial)) for trial in self._sorted()
      ],
    }

  def write(self, path: str) -> None:
    """Writes them as JSON."""
    atomic_files.write(path, json.dumps(self.as_json(), indent=2))

  def _lost(self, trial: Trial) -> str:
    """The loss with as many digits as tell it from the bound."""
    loss = self.loss(trial)
    text = f'{loss:.2%}'
    if abs(loss - self.max_loss) <= _ROUNDING:
      return text
    for digits in range(2, 8):
      text = f'{loss:.{digits}%}'
      if text != f'{self.max_loss:.{digits}%}':
        break
    return text

  def _sorted(self) -> List[Trial]:
    return sorted(self.runs, key=lambda trial: trial.sparsity)

  def __str__(self) -> str:
    first = WORDS[self.target]
    width = len(first)
    lines = [
      f'{first}  {self.metric:>8}  {"lost":>8}',
      f'{"none":>{width}}  {self.dense:8.4f}',
    ]
    for trial in self._sorted():
      mark = '  <- sparsest within the bound' if trial == self.chosen else ''
      share = f'{trial.sparsity:.0%}'.rjust(width)
      lines.append(f'{share}  {trial.value:8.4f}  {self._lost(trial):>8}{mark}')
    return '\n'.join(lines)
