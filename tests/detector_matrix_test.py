"""`benchmarks/detectors/matrix.py`: its rows, its page, and one detector."""

import json
import os
import signal
import subprocess
import sys

import detector_modules
import processes
import pytest

from object_detection_pruning.common import stacks

FOLDER = detector_modules.FOLDER
ENTRIES = [
  ['ssd_pnasnet', 'SSD', 'ssd_pnasnet', ''],
  ['ssd_one', 'SSD', 'ssd_one', ''],
  ['ssd_two', 'SSD', 'ssd_two', ''],
]


class FakeWorker:
  """Passes all cells; ends without a word where a detector is named so."""

  def __init__(self, log=''):
    self.stack, self.entries = 'classic', ENTRIES
    self.ended = False

  def check(self, task):
    assert os.path.isdir(task['folder'])
    yield 'train', True, 'yes'
    self.ended = task['entry'][0] == 'ssd_two'

  def has_ended(self):
    return self.ended

  def last_words(self):
    return 'out of memory'

  def close(self):
    pass


def run(script, monkeypatch, folder, *arguments):
  """Runs the script with the fake worker; gives the names that it checked."""
  checked = []
  check = script.check

  def noted(worker, entry, *rest):
    checked.append(entry[0])
    return check(worker, entry, *rest)

  with monkeypatch.context() as patch:
    patch.setattr(script, 'Worker', FakeWorker)
    patch.setattr(script, 'check', noted)
    patch.setattr(sys, 'argv', ['', f'--results={folder}', *arguments])
    script.main()
  return checked


def test_a_run_does_what_is_missing_and_large_networks_last(
  module, monkeypatch, tmp_path
):
  script = module('matrix')
  path = str(tmp_path / 'classic.json')
  assert run(script, monkeypatch, tmp_path, '--only=one') == ['ssd_one']
  rows = {row['name']: row for row in script.load(path)}
  assert list(rows) == [entry[0] for entry in ENTRIES]
  assert rows['ssd_one']['cells'] == {'train': [True, 'yes']}
  assert 'cells' not in rows['ssd_two']
  assert run(script, monkeypatch, tmp_path, '--only=.') == [
    'ssd_two',
    'ssd_pnasnet',
  ]
  assert run(script, monkeypatch, tmp_path, '--only=.') == []
  assert run(script, monkeypatch, tmp_path, '--only=one', '--again') == [
    'ssd_one'
  ]
  # A cell that is checked alone leaves the others of its row as they are.
  (two,) = [row for row in script.load(path) if row['name'] == 'ssd_two']
  two['cells']['export'] = [False, 'no']
  script.save(path, [two])
  run(script, monkeypatch, tmp_path, '--only=two', '--again', '--cells=train')
  cells = {row['name']: row['cells'] for row in script.load(path)}
  assert cells['ssd_two'] == {'train': [True, 'yes'], 'export': [False, 'no']}
  ended = {row['name']: row.get('ended') for row in script.load(path)}
  assert ended == {
    'ssd_pnasnet': None,
    'ssd_one': None,
    'ssd_two': 'out of memory',
  }


def test_full_size_has_rows_of_its_own_and_leaves_out_what_is_refused(
  module, monkeypatch, tmp_path
):
  script = module('matrix')
  path = str(tmp_path / 'classic.json')
  refused = row('ssd_one', train=(False, 'no'), stock=(False, 'TypeError: no'))
  failed = row('ssd_two', train=(False, 'no'), stock=(True, 'yes'))
  script.save(path, [refused, failed])
  arguments = ('--only=.', '--full')
  names = ['ssd_two', 'ssd_pnasnet']
  assert run(script, monkeypatch, tmp_path, *arguments) == names
  assert run(script, monkeypatch, tmp_path, *arguments) == []
  assert script.load(path) == [refused, failed]
  rows = script.load(str(tmp_path / 'full_classic.json'))
  assert sorted(each['name'] for each in rows) == sorted(names)
  assert {each['cells']['train'][1] for each in rows} == {'yes'}


def row(name, **cells):
  return {
    'name': name,
    'group': 'SSD',
    'extractor': name,
    'head': '',
    'cells': {key: list(value) for key, value in cells.items()},
  }


def test_page_has_a_note_for_each_reason_and_none_is_made_up(module):
  page = module('page')
  yes = dict.fromkeys(page.COLUMNS, (True, 'yes'))
  refused = (False, "error: ssd_b | needs 'x'")
  text = page.render(
    {
      'classic': [
        row('ssd_a', **yes),
        row('ssd_b', **dict(yes, channels=refused)),
        row('ssd_c', train=(True, 'yes'), export=(False, 'not run: late')),
        row('ssd_d', train=(False, 'no'), stock=(False, 'ValueError: ssd_d')),
        {'name': 'ssd_e'},
      ]
    }
  )
  section = text.split('0.0.3\n\n')[1].split('\n## ')[0]
  lines = [line for line in section.splitlines() if line.startswith('|')]
  columns = lines[0].split(' | ')
  at = columns.index('channels')
  assert lines[2] == '| `ssd_a` |' + ' yes |' * 9
  assert lines[3].split(' | ')[at] == 'no (1)'
  assert "1. `error: TYPE / needs 'x'`" in section
  assert lines[4].split(' | ')[1:6] == [
    'not run (2)',
    'yes',
    'not run (2)',
    'not run (3)',
    'not run (2)',
  ]
  assert lines[-1] == '| `ValueError: TYPE` | `ssd_d` |'
  assert (
    'Of 5 detectors 4 were run. The stock code itself cannot build 1 of these. '
    '1 of' in section
  )
  assert 'Not run: `ssd_e`.' in section


def test_page_has_a_table_of_full_size(module):
  page = module('page')
  size = {'size': (True, '300 x 300')}
  passed = dict(
    size,
    train=(True, 'yes'),
    masks=(True, '47, 100.0%'),
    parameters=(True, '6.8'),
    memory=(True, '0.9'),
  )
  failed = dict(
    size,
    train=(False, 'killed by SIGABRT'),
    stock=(True, 'yes'),
    masks=(False, 'needs train'),
    parameters=(False, 'needs masks'),
    memory=(False, 'needs train'),
  )
  refused = dict(failed, stock=(False, 'TypeError: ssd_c'))
  small = row('ssd_e', train=(False, 'no'), stock=(False, 'TypeError: no'))
  rows = [
    row('ssd_a', **passed),
    row('ssd_b', **failed),
    row('ssd_c', **refused),
    {'name': 'ssd_d'},
    {'name': 'ssd_e'},
  ]
  text = page.render({'modern': [small], 'full_modern': rows})
  section = text.split('## At full size\n')[1].split('-api` 0.1\n\n')[1]
  summary, table, notes, missing = section.split('\n\n')[:4]
  assert summary.startswith('Of 4 detectors 3 were run; 1 passed.')
  assert table.splitlines()[2:] == [
    '| `ssd_a` | 300 x 300 | 6.8 | 47, 100.0% | yes | 0.9 |',
    '| `ssd_b` | 300 x 300 | needs masks | needs training | no (1) | '
    'needs training |',
    '| `ssd_c` | 300 x 300 | needs masks | needs training | no (2) | '
    'needs training |',
  ]
  assert notes.splitlines() == [
    '1. `killed by SIGABRT`',
    '2. `the stock code alone: TypeError: TYPE`',
  ]
  assert missing.splitlines()[0] == 'Not run: `ssd_d`.'


def test_the_page_is_that_of_the_results(module):
  script, page = module('matrix'), module('page')
  rows = script.load_all(os.path.join(FOLDER, 'results'))
  path = os.path.join(processes.ROOT, 'docs/detectors.md')
  with open(path, encoding='utf-8') as file:
    assert file.read() == page.render(rows)


@pytest.mark.parametrize(
  'output, status, line',
  [
    ('a\nerror: no such file\n', 2 << 8, 'error: no such file'),
    (
      'Traceback:\n  File\nx.y.errors_impl.InvalidArgumentError: bad shape\n'
      '\t [[node]]\n',
      1 << 8,
      'InvalidArgumentError: bad shape',
    ),
    ('', signal.SIGKILL, 'killed by SIGKILL'),
    ('', 3 << 8, 'ended with status 3'),
    ('error: ' + 'x' * 500, 2 << 8, 'error: ' + 'x' * 190 + '...'),
  ],
)
def test_reason_is_the_line_that_says_it(module, output, status, line):
  assert module('forking').reason(output, status) == line


def sleep_and_say(text):
  print(text, flush=True)
  raise ValueError(text)


def spin():
  while True:
    pass


def test_forks_give_back_results_errors_and_time(module):
  forking = module('forking')
  runner = forking.Runner(seconds=1000, longest=1)
  assert runner.call(sorted, [2, 1]) == [1, 2]
  with pytest.raises(forking.Failed, match='^ValueError: of itself$'):
    runner.call(sleep_and_say, 'of itself')
  with pytest.raises(forking.Failed, match='not run to its end: over 1 s'):
    runner.call(spin)
  # The next one has its own time.
  runner = forking.Runner(seconds=1, longest=1)
  assert runner.call(sorted, [2, 1]) == [1, 2]
  with pytest.raises(forking.Failed, match='not run to its end: over'):
    forking.Runner(seconds=1.5, longest=2).call(spin)
  with pytest.raises(forking.Failed, match='not run: the detector took'):
    forking.Runner(seconds=0, longest=1).call(sorted, [])


def test_every_stock_extractor_has_a_config_that_parses(module, data):
  configs, worker = module('configs'), module('worker')
  from object_detection.builders import model_builder

  entries = worker.entries()
  named = {entry.extractor for entry in entries}
  for name in dir(model_builder):
    if name.endswith('FEATURE_EXTRACTOR_CLASS_MAP'):
      types = getattr(model_builder, name)
      assert {each for each in types if '_masked_' not in each} <= named
  for entry in entries:
    config = configs.pipeline(entry, data)
    assert entry.extractor in str(config.model)


@pytest.mark.slow
def test_a_detector_is_checked_from_training_to_export(tmp_path):
  subprocess.run(
    [
      sys.executable,
      os.path.join(FOLDER, 'matrix.py'),
      '--only=^ssd_mobilenet_v1$',
      '--cells=train,masks,export',
      f'--results={tmp_path}',
    ],
    check=True,
    env=processes.environment(),
  )
  with open(str(tmp_path / f'{stacks.current()}.json')) as file:
    rows = {row['name']: row for row in json.load(file)}
  assert rows['ssd_mobilenet_v1']['cells'] == {
    'train': [True, 'yes'],
    'masks': [True, '47, 100.0%'],
    'export': [True, 'yes'],
  }
