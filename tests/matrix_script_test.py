"""`benchmarks/stacks/matrix.py`: what it notes of a run of tests."""

import os
import runpy

import processes
import pytest

SCRIPT = os.path.join(processes.ROOT, 'benchmarks/stacks/matrix.py')
REPORT = """<testsuites><testsuite>
<testcase classname="tests.a_test" name="test_one"/>
<testcase classname="tests.a_test" name="test_two"><skipped message="why"/>
</testcase>
<testcase classname="tests.a_test" name="test_three"><skipped message="why"/>
</testcase>
<testcase classname="tests.b_test" name="test_four"><failure/></testcase>
<testcase classname="" name="tests.c_test"><error/></testcase>
</testsuite></testsuites>"""


@pytest.fixture(scope='module')
def script():
  return runpy.run_path(SCRIPT)


def test_counts_are_those_of_the_report(script, tmp_path):
  (tmp_path / 'report.xml').write_text(REPORT)
  assert script['counts'](str(tmp_path / 'report.xml')) == {
    'passed': 1,
    'failed': 2,
    'skipped': 2,
    'skips': {'why': 2},
    'failures': ['.tests.c_test', 'tests.b_test.test_four'],
  }


def test_a_row_that_is_run_again_takes_the_place_of_the_earlier_one(
  script, tmp_path
):
  path = str(tmp_path / 'results.json')
  last, first = script['ROWS'][-1], script['ROWS'][0]
  for row, result in ((last, 'old'), (first, 'of the first'), (last, 'new')):
    noted = dict(row._asdict(), tests=['tests'], result=result)
    script['save'](path, script['load'](path), noted)
  assert os.listdir(str(tmp_path)) == ['results.json']
  rows = script['load'](path)
  assert [row['result'] for row in rows] == ['of the first', 'new']
  *_, one, two, empty, tests = script['table'](rows).splitlines()
  assert one == '| 1.14.0 | 3.6 | 2019 | 1 |  |  |  | of the first |'
  assert two.endswith('| new |')
  assert empty == ''
  assert tests.startswith('1. `')


def test_table_says_why_tests_were_skipped(script):
  row = dict(
    script['ROWS'][0]._asdict(),
    tests=['tests/core'],
    passed=5,
    failed=1,
    skipped=2,
    skips={'no GPU': 2},
    failures=['tests.a.test_b'],
  )
  other = dict(row, tests=['tests/core', 'tests/hooks'])
  lines = script['table']([row, other, row]).splitlines()
  assert (
    lines[2]
    == lines[4]
    == (
      '| 1.14.0 | 3.6 | 2019 | 1 | 5 | 1 | 2 | no GPU (2); '
      'failed: `tests.a.test_b` |'
    )
  )
  assert lines[3].startswith('| 1.14.0 | 3.6 | 2019 | 2 |')
  assert lines[5:] == ['', '1. `tests/core`', '2. `tests/core`, `tests/hooks`']


def test_every_pair_that_the_library_is_for_has_a_row(script):
  locks = {
    name.split('py')[1].split('.')[0]
    for name in os.listdir(processes.ROOT)
    if name.startswith('requirements-')
  }
  rows = script['ROWS']
  assert {row.python.replace('.', '') for row in rows} == locks
  # Both generations of the stock API.
  assert {row.stock for row in rows if not row.is_modern} == {'2019', '2022'}
