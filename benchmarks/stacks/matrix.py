"""Runs tests on each TensorFlow, Python and stock API that the library is for.

    python3 benchmarks/stacks/matrix.py --results=RESULT.json tests/core
    python3 benchmarks/stacks/matrix.py --results=RESULT.json

The first command makes an environment for each row that this machine has a
Python for, runs the tests there and notes what passed, what failed, and why
tests were skipped. The second one, without tests, prints the table of a file of
results. Any Python from 3.6 on runs this; it needs no package.
"""

import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import typing
from xml.etree import ElementTree

ROOT = os.path.dirname(
  os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
)


class Row(typing.NamedTuple):
  """A combination to test; `stock` is the year of the stock API's wheel."""

  tensorflow: str
  python: str
  stock: str

  @property
  def name(self):
    return '-'.join(self)

  @property
  def is_modern(self):
    return self.tensorflow.startswith('2.')

  @property
  def is_of_lock(self):
    """Whether the stock API is the one that the lock file of the stack has."""
    return self.stock == ('2022' if self.is_modern else '2019')


# The wheel of 2019 imports tf.contrib wherever it is loaded, so it has no row
# with TensorFlow 2.15, which has none.
ROWS = [
  Row('1.14.0', '3.6', '2019'),
  Row('1.14.0', '3.7', '2019'),
  Row('1.14.0', '3.7', '2022'),
  Row('1.15.5', '3.7', '2019'),
  Row('1.15.5', '3.7', '2022'),
  Row('2.15.1', '3.9', '2022'),
  Row('2.15.1', '3.10', '2022'),
  Row('2.15.1', '3.11', '2022'),
]
# With the packages that its sources import besides those of the classic stack.
STOCK_OF_2022 = [
  'tf-object-detection-api==0.1',
  'scipy<1.8',
  'keras==2.3.1',
  'PyYAML==6.0.1',
]
_PROBE = """
import json, sys
import object_detection_pruning, object_detection, tensorflow
import numpy, google.protobuf
print(json.dumps({
  'tensorflow': tensorflow.__version__,
  'python': '%d.%d.%d' % sys.version_info[:3],
  'numpy': numpy.__version__,
  'protobuf': google.protobuf.__version__,
  'api': list(object_detection.__path__)[0],
}))
"""


def find_python(version):
  """Gives the path of a Python of this version; None where there is none."""
  stack = 'classic' if version in ('3.6', '3.7') else 'modern'
  for candidate in (f'python{version}', *_of_pyenv(version)):
    found = subprocess.run(
      ['bash', os.path.join(ROOT, 'scripts/find_python.sh'), stack],
      env=dict(os.environ, PYTHON=candidate),
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
    )
    path = found.stdout.decode().strip()
    if found.returncode == 0 and _version_of(path) == version:
      return path
  return None


def _of_pyenv(version):
  root = os.environ.get('PYENV_ROOT', os.path.expanduser('~/.pyenv'))
  folder = os.path.join(root, 'versions')
  names = os.listdir(folder) if os.path.isdir(folder) else []
  return [
    os.path.join(folder, name, 'bin/python')
    for name in sorted(names)
    if name.startswith(version + '.')
  ]


def _version_of(python):
  ask = 'import sys; print("%d.%d" % sys.version_info[:2])'
  return subprocess.check_output([python, '-c', ask]).decode().strip()


def make_environment(row, python, folder):
  """Makes the environment of a row by the project's own scripts.

  Returns:
    (its interpreter, folder to put before its packages, or '').
  """
  # One for each TensorFlow; another stock API only stands before the first.
  place = os.path.join(folder, f'{row.tensorflow}-{row.python}')
  variables = dict(os.environ, PYTHON=python, VENV=place, TF115_VENV=place)
  if row.tensorflow.startswith('1.15'):
    # It makes the environment first, and passes on what pytest is asked.
    command = ['scripts/test_tf115.sh', '--version']
  else:
    variables['STACK'] = 'modern' if row.is_modern else 'classic'
    command = ['scripts/setup.sh']
  subprocess.run(['bash', *command], cwd=ROOT, env=variables, check=True)
  return os.path.join(place, 'bin/python'), add_stock(row, place)


def add_stock(row, place):
  """Installs the stock API that is not the lock's into a folder of its own."""
  if row.is_of_lock:
    return ''
  overlay = f'{place}-stock-{row.stock}'
  if not os.path.isdir(overlay):
    made = overlay + '.partial'
    shutil.rmtree(made, ignore_errors=True)
    command = ['-m', 'pip', '--quiet', 'install', '--no-deps', '--target', made]
    python = os.path.join(place, 'bin/python')
    subprocess.run([python, *command, *STOCK_OF_2022], check=True)
    os.rename(made, overlay)
  return overlay


def run_tests(python, overlay, tests):
  """Runs tests to their end.

  Returns:
    what to note of them.
  """
  paths = [ROOT] + ([overlay] if overlay else [])
  variables = dict(
    {'TF_NUM_INTRAOP_THREADS': '1', 'TF_NUM_INTEROP_THREADS': '1'},
    **os.environ,
  )
  variables.update(PYTHONPATH=os.pathsep.join(paths), TF_CPP_MIN_LOG_LEVEL='2')
  probe = subprocess.run(
    [python, '-W', 'ignore', '-c', _PROBE],
    env=variables,
    cwd=ROOT,
    stdout=subprocess.PIPE,
  )
  if probe.returncode:
    return {'result': 'the library cannot be imported'}
  versions = json.loads(probe.stdout.decode().splitlines()[-1])
  assert versions.pop('api').startswith(overlay)
  began = time.monotonic()
  with tempfile.NamedTemporaryFile(suffix='.xml') as report:
    command = [python, '-m', 'pytest', f'--junitxml={report.name}', *tests]
    status = subprocess.run(command, env=variables, cwd=ROOT).returncode
    if not os.path.getsize(report.name):
      return {'result': f'pytest ended with status {status}'}
    noted = counts(report.name)
  seconds = round(time.monotonic() - began)
  return dict(noted, versions=versions, seconds=seconds)


def counts(path):
  """Reads what pytest has reported.

  Args:
    path: of its JUnit file.

  Returns:
    numbers of tests by outcome, reasons of skips with how many tests each has,
    and the names of tests that did not pass.
  """
  outcomes = collections.Counter()
  skips = collections.Counter()
  failures = []
  for case in ElementTree.parse(path).getroot().iter('testcase'):
    name = f'{case.get("classname")}.{case.get("name")}'
    kinds = {child.tag: child for child in case}
    kind = next(
      (each for each in ('error', 'failure', 'skipped') if each in kinds),
      'passed',
    )
    outcomes[kind] += 1
    if kind == 'skipped':
      skips[kinds[kind].get('message', '')] += 1
    elif kind != 'passed':
      failures.append(name)
  return {
    'passed': outcomes['passed'],
    'failed': outcomes['failure'] + outcomes['error'],
    'skipped': outcomes['skipped'],
    'skips': dict(sorted(skips.items())),
    'failures': sorted(failures),
  }


def table(rows):
  """Renders results as Markdown: a table of outcomes, then what was run.

  Args:
    rows: what each row has in a file of results.
  """
  head = ['TensorFlow', 'Python', 'stock API', 'tests']
  head += ['passed', 'failed', 'skipped', 'why skipped or failed']
  lines = [head, ['---'] * len(head)]
  runs = []
  for row in rows:
    if row['tests'] not in runs:
      runs.append(row['tests'])
    first = [row['tensorflow'], row['python'], row['stock']]
    first.append(runs.index(row['tests']) + 1)
    if 'result' in row:
      lines.append([*first, '', '', '', row['result']])
      continue
    why = [f'{reason} ({n})' for reason, n in row['skips'].items()]
    why += [f'failed: `{name}`' for name in row['failures']]
    numbers = [row[kind] for kind in ('passed', 'failed', 'skipped')]
    lines.append([*first, *numbers, '; '.join(why)])
  rendered = ['| ' + ' | '.join(map(str, line)) + ' |' for line in lines]
  rendered.append('')
  for number, tests in enumerate(runs, 1):
    names = ', '.join(f'`{test}`' for test in tests)
    rendered.append(f'{number}. {names}')
  return '\n'.join(rendered)


def load(path):
  """Gives the rows of a file of results; none where it is not there."""
  if not os.path.exists(path):
    return []
  with open(path) as file:
    return json.load(file)


def save(path, noted, row):
  """Puts a row in the place of the one that the file has of it."""
  key = ('tensorflow', 'python', 'stock')
  rows = {tuple(each[name] for name in key): each for each in noted}
  rows[tuple(row[name] for name in key)] = row
  order = [tuple(each) for each in ROWS]
  found = sorted(
    rows.values(), key=lambda each: order.index(tuple(each[k] for k in key))
  )
  with open(path + '.partial', 'w') as file:
    json.dump(found, file, indent=2)
    file.write('\n')
  os.replace(path + '.partial', path)


def parse(arguments):
  """Reads the command line."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--results', required=True, help='JSON file')
  parser.add_argument(
    '--rows',
    default=','.join(row.name for row in ROWS),
    help='those to run, of %(default)s',
  )
  parser.add_argument(
    '--environments',
    default=os.path.join(ROOT, '.venv-matrix'),
    help='folder to keep the environments in',
  )
  parser.add_argument('tests', nargs='*', help='paths, and flags after --')
  given = parser.parse_args(arguments)
  known = {row.name: row for row in ROWS}
  for name in given.rows.split(','):
    if name not in known:
      parser.error(f'no row {name}: they are {", ".join(known)}')
  given.rows = [known[name] for name in given.rows.split(',')]
  return given


def test(row, given):
  """Gives what to note of a row."""
  folder = os.path.abspath(given.environments)
  python = find_python(row.python)
  if python is None:
    return {'result': 'no such Python here'}
  os.makedirs(folder, exist_ok=True)
  try:
    place = make_environment(row, python, folder)
  except subprocess.CalledProcessError as error:
    return {'result': f'its environment was not made: {error}'}
  return run_tests(*place, given.tests)


def main():
  given = parse(sys.argv[1:])
  failed = False
  for row in given.rows if given.tests else []:
    noted = dict(row._asdict(), tests=given.tests)
    noted.update(test(row, given))
    failed = failed or bool(noted.get('failed', noted.get('result')))
    save(given.results, load(given.results), noted)
  print(table(load(given.results)))
  sys.exit(failed)


if __name__ == '__main__':
  main()
