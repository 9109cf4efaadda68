import types

from object_detection_pruning.common import progress


def test_tells_the_end_once_when_work_is_short(capsys):
  assert list(progress.over('abc', 'letters')) == ['a', 'b', 'c']
  assert capsys.readouterr().err == 'letters: 3 of 3\n'


def test_tells_each_step_that_is_due_with_the_time_left(capsys, monkeypatch):
  clock = types.SimpleNamespace(now=100.0)
  clock.monotonic = lambda: clock.now
  monkeypatch.setattr(progress, 'time', clock)
  for _ in progress.over('abc', 'letters', seconds=90):
    clock.now += 60
  assert capsys.readouterr().err.splitlines() == [
    'letters: 2 of 3, 1.0 min left',
    'letters: 3 of 3',
  ]
