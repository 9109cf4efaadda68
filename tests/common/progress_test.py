from object_detection_pruning.common import progress


def test_tells_the_end_once_when_work_is_short(capsys):
  assert list(progress.over('abc', 'letters')) == ['a', 'b', 'c']
  assert capsys.readouterr().err == 'letters: 3 of 3\n'


def test_tells_each_step_that_is_due(capsys):
  list(progress.over('abc', 'letters', seconds=0))
  assert capsys.readouterr().err.splitlines() == [
    'letters: 1 of 3',
    'letters: 2 of 3',
    'letters: 3 of 3',
  ]
