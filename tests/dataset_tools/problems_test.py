import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import problems


def test_tells_one_line_each_and_counts_by_kind():
  lines = []
  broken = problems.Problems(lines.append)
  broken.skip_image('a.xml', 'no image')
  broken.skip_object('b.xml', 'no area')
  broken.skip_object('b.xml', 'no area')
  broken.clip_box('c.xml', 'too wide')
  broken.conclude(strict=False)
  assert lines == [
    'a.xml: no image; image skipped',
    'b.xml: no area; object skipped',
    'b.xml: no area; object skipped',
    'c.xml: too wide; box clipped',
    '4 broken records: 1 image skipped, 2 objects skipped, 1 box clipped',
  ]


def test_strict_fails_with_the_count():
  broken = problems.Problems(lambda line: None)
  broken.clip_box('c.xml', 'too wide')
  with pytest.raises(
    errors.InputError, match='^1 broken record: 1 box.*strict'
  ):
    broken.conclude(strict=True)


def test_says_nothing_when_nothing_is_broken():
  lines = []
  problems.Problems(lines.append).conclude(strict=True)
  assert lines == []


def test_lines_go_to_stderr(capsys):
  problems.Problems().skip_image('a.xml', 'no image')
  captured = capsys.readouterr()
  assert captured.err == 'a.xml: no image; image skipped\n'
  assert captured.out == ''
