"""Checks every feature extractor of the stock API, and renders the table.

    PYTHON benchmarks/detectors/matrix.py --only=.
    PYTHON benchmarks/detectors/matrix.py --only=. --full
    python3 benchmarks/detectors/matrix.py

The first command, in the environment of a stack, checks what RESULTS/STACK.json
has no row of; a row is written as soon as it is done, so a stopped run goes on
with the same command. The second one does so with networks and images of full
size, trains them for a step only, and has its rows in RESULTS/full_STACK.json.
It leaves out what the rows of the first one say that the stock code cannot
build. The third one writes docs/detectors.md from the rows of both stacks, and
needs no package.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import typing

import page

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Networks that take long come last, the longest at the end.
_LARGE = ('resnet50', 'efficientnet', 'resnet101|resnet152', 'nas|inception_re')


def load(path: str) -> list:
  """Gives the rows of a file of results; none where it is not there."""
  if not os.path.exists(path):
    return []
  with open(path) as file:
    return json.load(file)


def save(path: str, rows: list) -> None:
  """Puts rows in the place of those that the file has of them, or last."""
  found = {each['name']: each for each in load(path)}
  found.update((row['name'], row) for row in rows)
  os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
  with open(path + '.partial', 'w') as file:
    json.dump(list(found.values()), file, indent=1)
    file.write('\n')
  os.replace(path + '.partial', path)


def row_of(entry: list) -> dict:
  """Gives the row of a detector that nothing was done with yet."""
  return dict(zip(('name', 'group', 'extractor', 'head'), entry))


def results_path(folder: str, key: str) -> str:
  """Names the file of results of a key of `load_all`."""
  return os.path.join(folder, key + '.json')


def load_all(folder: str) -> dict:
  """Gives the rows of each table that the page has."""
  return {key: load(results_path(folder, key)) for key in page.KEYS}


def buildable(entries: list, rows: list) -> list:
  """Leaves out entries whose rows say that the stock code cannot build them."""
  refused = page.refused(rows)
  return [entry for entry in entries if entry[0] not in refused]


def in_order(entries: list) -> list:
  """Sorts entries so that those of large networks come last."""

  def size(entry: list) -> int:
    found = [
      number
      for number, pattern in enumerate(_LARGE, 1)
      if re.search(pattern, entry[2]) and 'mnas' not in entry[2]
    ]
    return max(found, default=0)

  return sorted(entries, key=size)


class Worker:
  """What checks detectors in this environment.

  Attributes:
    stack: that of the environment.
    entries: its detectors.
  """

  def __init__(self, log: str = ''):
    """Starts it.

    Args:
      log: file to add what failing programs print to.
    """
    ours = [ROOT, os.path.join(ROOT, 'tests')]
    paths = ours + [os.environ.get('PYTHONPATH', '')]
    variables = dict(
      os.environ,
      PYTHONPATH=os.pathsep.join(path for path in paths if path),
      CUDA_VISIBLE_DEVICES='',
    )
    # It is open as long as the worker runs.
    self._log = (
      open(log, 'a+') if log else tempfile.TemporaryFile('w+')  # noqa: SIM115
    )
    self._process = subprocess.Popen(
      [sys.executable, '-W', 'ignore', os.path.join(HERE, 'worker.py')],
      env=variables,
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=self._log,
      universal_newlines=True,
    )
    answer = self._answer()
    if answer is None:
      raise SystemExit(f'the worker does not start: {self.last_words()}')
    self.stack, self.entries = answer

  def check(self, task: dict) -> typing.Iterator[list]:
    """Checks a detector; yields key, success and text of each cell."""
    print(json.dumps(task), file=self._process.stdin, flush=True)
    return iter(self._answer, None)

  def has_ended(self) -> bool:
    """Tells whether it has ended, which it should not."""
    return self._process.poll() is not None

  def last_words(self) -> str:
    """Gives the last line of its log."""
    self._log.seek(0)
    return (self._log.read().strip().splitlines() or [''])[-1]

  def close(self) -> None:
    """Ends it."""
    self._process.stdin.close()
    self._process.stdout.close()
    self._process.wait()
    self._log.close()

  def _answer(self) -> typing.Optional[list]:
    """Reads the next line of JSON; None after the last one."""
    for line in self._process.stdout:
      if line.startswith('['):
        return json.loads(line)
      if line == 'null\n':
        return None
    self._process.wait()
    return None


def check(
  worker: Worker, entry: list, given: argparse.Namespace, known: dict
) -> dict:
  """Checks a detector.

  Args:
    worker: of its stack.
    entry: the detector.
    given: the flags; cells that they leave out stay as they are known.
    known: its row so far; empty for none.

  Returns:
    Its row: of each cell whether it passed, and a text.
  """
  cells = dict(known.get('cells', {})) if given.cells else {}
  row = dict(row_of(entry), cells=cells)
  # A fork would remove what the worker itself had to remove at its end.
  with tempfile.TemporaryDirectory() as folder:
    task = {
      'entry': entry,
      'seconds': given.seconds,
      'memory_gb': given.memory_gb,
      'cells': given.cells,
      'full': given.full,
      'data_dir': os.path.join(given.scratch, 'data'),
      'folder': folder,
    }
    for key, passed, text in worker.check(task):
      row['cells'][key] = [passed, text]
      print(f'  {key}: {text}', flush=True)
  if worker.has_ended():
    row['ended'] = worker.last_words()
  return row


def run(given: argparse.Namespace) -> None:
  """Checks the detectors that are asked for and not yet in the results."""
  worker = Worker(given.log)
  path = results_path(given.results, worker.stack)
  meant = worker.entries
  if given.full:
    meant = buildable(meant, load(path))
    path = results_path(given.results, page.full(worker.stack))
  done = {row['name']: row for row in load(path)}
  # So the file tells which ones were not run.
  save(path, [done.get(each[0], row_of(each)) for each in meant])
  entries = [
    entry
    for entry in in_order(meant)
    if re.search(given.only, entry[0])
    if given.again or 'cells' not in done.get(entry[0], {})
  ]
  with tempfile.TemporaryDirectory() as given.scratch:
    for number, entry in enumerate(entries, 1):
      print(f'{worker.stack} {number}/{len(entries)}: {entry[0]}', flush=True)
      if worker.has_ended():
        worker = Worker(given.log)
      save(path, [check(worker, entry, given, done.get(entry[0], {}))])
  worker.close()


def parse(arguments: list) -> argparse.Namespace:
  """Reads the command line."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--only', help='regular expression of names to check')
  parser.add_argument(
    '--again', action='store_true', help='also those that have a row'
  )
  parser.add_argument(
    '--full', action='store_true', help='take networks of full size'
  )
  parser.add_argument(
    '--cells',
    type=lambda text: text.split(','),
    default=[],
    help='keys of the cells to check, separated by commas; not given: all',
  )
  parser.add_argument(
    '--seconds',
    type=float,
    default=300,
    help='of the processor, for a detector [%(default)s]',
  )
  parser.add_argument(
    '--memory_gb', type=float, default=12, help='of addresses [%(default)s]'
  )
  parser.add_argument(
    '--results', default=os.path.join(HERE, 'results'), help='folder'
  )
  parser.add_argument(
    '--log', default='', help='file to add what failing programs print to'
  )
  parser.add_argument(
    '--page',
    default=os.path.join(ROOT, 'docs', 'detectors.md'),
    help='to write [%(default)s]',
  )
  return parser.parse_args(arguments)


def main() -> None:
  given = parse(sys.argv[1:])
  if given.only is not None:
    run(given)
    return
  with open(given.page, 'w', encoding='utf-8') as file:
    file.write(page.render(load_all(given.results)))


if __name__ == '__main__':
  main()
