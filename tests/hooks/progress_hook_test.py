import re
import sys

import pytest
import tensorflow.compat.v1 as tf
import tiny_model

from object_detection_pruning import ModelPruningHook, ProgressHook
from object_detection_pruning.hooks import progress_hook


def run(steps, hooks_of):
  loss, train_op = tiny_model.build()
  with tf.train.MonitoredSession(hooks=hooks_of(loss)) as session:
    for _ in range(steps):
      session.run(train_op)


@pytest.fixture
def lines(capsys):
  return lambda: [
    line
    for line in capsys.readouterr().err.splitlines()
    if line.startswith('step ')
  ]


def test_writes_a_line_now_and_then_where_there_is_no_terminal(lines):
  pruning = ModelPruningHook(0.5, 1, 3)
  run(
    6,
    lambda loss: [
      pruning,
      ProgressHook(loss, 60, pruning, every_secs=0),
    ],
  )
  shown = lines()
  assert len(shown) == 6
  assert re.fullmatch(
    r'step \d of 60, loss \d+\.\d{3}, sparsity 0\.500, \d+\.\d\d s a step, '
    r'\d+\.\d min left',
    shown[-1],
  )


def test_lines_are_rare(lines):
  run(6, lambda loss: [ProgressHook(loss, 60, every_secs=1000)])
  # The first one tells that it works.
  (line,) = lines()
  assert re.fullmatch(r'step 1 of 60, loss \S+', line)


def test_the_first_step_and_what_comes_between_count_for_no_estimate(
  lines, monkeypatch
):
  """It takes 100 s, as does an evaluation later; the others take one."""
  now = [0.0]
  monkeypatch.setattr(progress_hook.time, 'time', lambda: now[0])

  class Passing(tf.train.SessionRunHook):
    def before_run(self, run_context):
      now[0] += 1 if now[0] else 100

    def after_run(self, run_context, run_values):
      if now[0] == 102:
        now[0] += 100

  # The clock runs within a step after the progress hook has begun it.
  run(4, lambda loss: [ProgressHook(loss, 64, every_secs=0), Passing()])
  assert lines()[-1].endswith('1.00 s a step, 1.0 min left')


def test_run_without_an_end_or_pruning_has_no_such_words(lines):
  run(3, lambda loss: [ProgressHook(loss, every_secs=0)])
  assert re.fullmatch(r'step \d, loss \S+, \S+ s a step', lines()[-1])


def test_bar_reaches_the_last_step_on_a_terminal(monkeypatch, capsys):
  monkeypatch.setattr(sys.stderr, 'isatty', lambda: True, raising=False)
  pruning = ModelPruningHook(0.5, 1, 3)
  run(7, lambda loss: [pruning, ProgressHook(loss, 7, pruning)])
  shown = capsys.readouterr().err
  assert 'train: 100%' in shown
  assert '7/7' in shown
  assert 'sparsity=0.500' in shown
