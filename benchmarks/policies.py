"""Times the mask update and the step of each way to prune while training.

On Faster R-CNN Inception V2, each way side by side with what it is compared
with, in one process:
- its due update, as the hook makes it, against the plain one of
  tf.contrib.model_pruning on the same variables;
- a training step, as this way needs it, against that of magnitude.

  python benchmarks/policies.py --output benchmarks/results/policies.json
"""

import re
import tempfile
from typing import Any, Dict, NamedTuple

import mask_update
import numpy as np
import recorded
import tensorflow.compat.v1 as tf
from absl import flags

from object_detection_pruning.common import command, timing
from object_detection_pruning.core import (
  gathering,
  layer_patterns,
  masking,
  schedules,
)
from object_detection_pruning.hooks import model_pruning_hook

flags.DEFINE_string('only', '', 'Pattern of the ways to time.')
FLAGS = flags.FLAGS
_FREQUENCY = 10
_END = 10**9
_MOVING = {'allocation': 'erdos_renyi_kernel', 'criterion': 'random'}
# Settings of the hook, and the sparsity where the pattern prescribes one.
WAYS: Dict[str, Dict[str, Any]] = {
  'magnitude': {},
  'random': {'criterion': 'random'},
  'taylor': {'criterion': 'taylor'},
  'movement': {'criterion': 'movement'},
  'magnitude_erk': {'allocation': 'erdos_renyi_kernel'},
  'soft': {'allocation': 'erdos_renyi_kernel', 'regrowth': 'soft'},
  'magnitude_global': {'allocation': 'global'},
  'n_of_m': {'granularity': '1:4', 'sparsity': 0.75},
  '2_of_4': {'granularity': '2:4', 'sparsity': 0.5},
  '4_of_8': {'granularity': '4:8', 'sparsity': 0.5},
  'blocks': {'granularity': '4x4'},
  'filter': {'granularity': 'filter'},
  'set': dict(_MOVING, regrowth='set'),
  'rigl': dict(_MOVING, regrowth='rigl'),
}


class Cost(NamedTuple):
  """What a way to prune costs.

  Attributes:
    update: seconds of a due update, a batch that it needs left out.
    batch: seconds of that batch; 0 for none.
    contrib_over_ours: contrib's update by that; the median of their ratios.
    step: seconds of a training step.
    step_over_magnitude: that by a step of magnitude; the median of ratios.
    planned: sparsity that is due.
    measured: sparsity of the masks afterwards.
  """

  update: float
  batch: float
  contrib_over_ours: float
  step: float
  step_over_magnitude: float
  planned: float
  measured: float


class Way(mask_update.Updates):
  """A masked training that prunes in one way, and contrib's update beside."""

  def __init__(self, config, sparsity: float, **settings):
    self._sparsity = sparsity
    self._settings = settings
    regrowth = settings.get('regrowth')
    self.needs_batch = regrowth == 'rigl'
    # The config's extractor is masked; this says what training notes for it.
    with masking.masking_scope(
      include=(),
      criterion=settings.get('criterion'),
      gradients=self.needs_batch,
      soft_until=_END if regrowth == 'soft' else None,
    ):
      super().__init__(config)

  def _add_ops(self) -> None:
    super()._add_ops()
    self._hook = model_pruning_hook.ModelPruningHook.from_schedule(
      schedules.ConstantSchedule(
        self._sparsity, start_step=2, end_step=_END, frequency=_FREQUENCY
      ),
      **self._settings,
    )
    self._hook.begin()
    self._gradients = tf.no_op()
    if self.needs_batch:
      products = [kernel.masked_weight for kernel in self.kernels]
      # A group would be optimised away: nobody reads what it waits for.
      self._gradients = tf.add_n(
        [tf.reduce_sum(each) for each in gathering.gradients(products)]
      )

  def start(self) -> None:
    """Trains a step, for scores to gather, and makes the first update."""
    self.step()
    self._hook.started(self.session, 1)
    self._due = self._hook.schedule.start_step
    self.ours()

  def ours(self) -> None:
    """Makes the next update."""
    self._hook.update(self.session, self._due)
    self._due += _FREQUENCY

  def batch(self) -> None:
    """Takes the gradients that an update needs, and nothing else."""
    self.session.run(self._gradients)


def measure(config, name: str) -> Cost:
  """Times a way beside contrib's update and a step of magnitude."""
  settings = dict({'sparsity': FLAGS.sparsity}, **WAYS[name])
  way = Way(config, **settings)
  plain = Way(config, settings['sparsity'])
  with way.session, plain.session:
    way.start()
    plain.start()
    steps, _ = timing.by_turns(
      [way.step, plain.step], FLAGS.rounds, title=f'{name}: steps'
    )
    updates, _ = timing.by_turns(
      [way.ours, way.batch, plain.contrib],
      FLAGS.rounds,
      title=f'{name}: updates',
    )
    measured = way.sparsity()
  alone = updates[:, 0] - (updates[:, 1] if way.needs_batch else 0)
  return Cost(
    update=float(np.median(alone)),
    batch=float(np.median(updates[:, 1])) if way.needs_batch else 0.0,
    contrib_over_ours=float(np.median(updates[:, 2] / alone)),
    step=float(np.median(steps[:, 0])),
    step_over_magnitude=float(np.median(steps[:, 0] / steps[:, 1])),
    planned=settings['sparsity'],
    measured=measured,
  )


def table(costs: Dict[str, Cost]) -> str:
  """The costs as a Markdown table; contrib's and magnitude's are ratios."""
  lines = [
    '| way | update ms | update of contrib | step | planned | measured |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
  ]
  for name, cost in costs.items():
    batch = f' + a batch of {1e3 * cost.batch:.0f}' if cost.batch else ''
    lines.append(
      f'| `{name}` | {1e3 * cost.update:.0f}{batch} '
      f'| {cost.contrib_over_ours:.1f}x | {cost.step_over_magnitude:.3f}x '
      f'| {cost.planned:.4f} | {cost.measured:.4f} |'
    )
  return '\n'.join(lines)


def main(_) -> None:
  layer_patterns.check('--only', [FLAGS.only])
  names = [name for name in WAYS if re.search(FLAGS.only, name)]
  found = recorded.read(FLAGS.output) if FLAGS.output else {}
  costs = {name: Cost(**cost) for name, cost in found.items()}
  with tempfile.TemporaryDirectory() as folder:
    config = mask_update.configured(folder)
    for name in names:
      costs[name] = measure(config, name)
      tf.reset_default_graph()
      if FLAGS.output:
        found[name] = costs[name]._asdict()
        recorded.write(FLAGS.output, found)
  print(table({name: costs[name] for name in WAYS if name in costs}))


if __name__ == '__main__':
  command.run(main)
