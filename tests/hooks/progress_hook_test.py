import re
import sys

import pytest
import tensorflow.compat.v1 as tf
import tiny_model

from object_detection_pruning import ModelPruningHook, ProgressHook


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
  assert lines() == []


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
