"""Reads many damaged files as commands do, and counts what comes of it.

Each must be read, or refused with an error that a command prints in one line.
A program, since whatever goes wrong may end the process:

  python tests/robustness/mutate_files.py --inputs 10000 --seed 0

Inputs are read in forks of this process, some in each; one that ends or hangs
names the input that it was at. The same seed makes the same inputs.
"""

import argparse
import collections
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zlib

import mutations
import numpy as np
import parsers
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.sparse_ops import library

_SECONDS = 20
_MOST_WAITS = 10
_MOST_DETAIL = 300
_INPUTS_OF_A_FORK = 40
# What a command prints in one line, as `common.command` has it.
_REFUSALS = (
  errors.InputError,
  OSError,
  tf.errors.NotFoundError,
  tf.errors.DataLossError,
)
FAILURES = ('traceback', 'crash', 'hang')


class Outcome(collections.namedtuple('Outcome', 'parser number kind detail')):
  """What came of an input.

  Attributes:
    parser: its name.
    number: of the input, which with the seed makes it again.
    kind: read, refused, or one of FAILURES.
    detail: of a failure.
  """


def run(inputs, seed, chosen='', keep=None):
  """Makes and reads inputs, as many of each kind of file.

  Args:
    inputs: how many in all.
    seed: of what is made.
    chosen: part of the names of the kinds; all where it is empty.
    keep: folder for the inputs that fail; None drops them.

  Yields:
    An Outcome for each.
  """
  library.load()
  kinds = [each for each in parsers.PARSERS if chosen in each.name]
  folder = tempfile.mkdtemp()
  try:
    # In a fork, so that this process never opens a session.
    wrong = list(_in_fork(lambda tell: _write_whole(kinds, folder, tell)))
    if wrong:
      raise RuntimeError(f'whole files were not read: {wrong}')
    for position, parser in enumerate(kinds):
      count = inputs // len(kinds) + (position < inputs % len(kinds))
      yield from _read_all(parser, folder, count, seed, keep)
  finally:
    shutil.rmtree(folder)


def _write_whole(kinds, folder, tell):
  for parser in kinds:
    place = os.path.join(folder, parser.name, 'whole')
    os.makedirs(place)
    path = parser.write(place)
    with open(os.path.join(folder, parser.name, 'path'), 'w') as file:
      file.write(os.path.relpath(path, place))
    kind, detail = _read_one(parser, folder, None, 0)
    if kind != 'read':
      tell({'parser': parser.name, 'kind': kind, 'detail': detail})


def _read_all(parser, folder, count, seed, keep):
  number = 0
  while number < count:
    end = min(count, number + _INPUTS_OF_A_FORK)
    for outcome in _read_some(parser, folder, range(number, end), seed):
      number = outcome.number + 1
      if outcome.kind in FAILURES and keep:
        content, path = _mutated(parser, folder, outcome.number, seed)
        name = f'{parser.name}-{seed}-{outcome.number}'.replace(' ', '_')
        os.makedirs(keep, exist_ok=True)
        with open(os.path.join(keep, name), 'wb') as file:
          file.write(content)
      yield outcome


def _mutated(parser, folder, number, seed):
  """Makes an input; gives it, and where it belongs in the folder.

  None in place of a number stands for the whole file.
  """
  with open(os.path.join(folder, parser.name, 'path')) as file:
    relative = file.read()
  whole = os.path.join(folder, parser.name, 'whole', relative)
  with open(whole, 'rb') as file:
    content = file.read()
  if number is None:
    return content, relative
  random = np.random.RandomState(
    [seed, number, zlib.crc32(parser.name.encode())]
  )
  mutator = mutations.Mutator(random)
  return getattr(mutator, parser.mutate)(content), relative


def _read_some(parser, folder, numbers, seed):
  """Reads inputs in a fork, up to the first of which it ends."""

  def work(tell):
    for number in numbers:
      tell({'number': number})
      kind, detail = _read_one(parser, folder, number, seed)
      tell({'number': number, 'kind': kind, 'detail': detail[:_MOST_DETAIL]})

  at = numbers[0]
  for message in _in_fork(work):
    if 'ended' in message:
      yield Outcome(parser.name, at, message['ended'], message['detail'])
    elif 'kind' in message:
      at = message['number'] + 1
      yield Outcome(
        parser.name, message['number'], message['kind'], message['detail']
      )


def _read_one(parser, folder, number, seed):
  content, relative = _mutated(parser, folder, number, seed)
  place = os.path.join(folder, parser.name, 'now')
  shutil.rmtree(place, ignore_errors=True)
  shutil.copytree(os.path.join(folder, parser.name, 'whole'), place)
  path = os.path.join(place, relative)
  with open(path, 'wb') as file:
    file.write(content)
  tf.reset_default_graph()
  try:
    parser.read(path)
  except _REFUSALS as error:
    message = str(error).strip()
    if not message:
      return 'traceback', f'{type(error).__name__} without a message'
    return 'refused', message.splitlines()[0]
  except Exception as error:
    return 'traceback', f'{_place_of(error)}: {type(error).__name__}: {error}'
  return 'read', ''


def _place_of(error):
  """The last line of the package that an exception came through."""
  frames = traceback.extract_tb(error.__traceback__)
  own = [f for f in frames if 'object_detection_pruning' in f.filename]
  frame = (own or frames)[-1]
  return f'{os.path.basename(frame.filename)}:{frame.lineno}'


def _in_fork(work):
  """Calls work(tell) in a fork; gives what it tells, and how it ended.

  Where it ended too early, or told nothing for too long, the last message has
  `ended` and `detail`.
  """
  ours, theirs = os.pipe()
  child = os.fork()
  if not child:
    _be_child(work, ours, theirs)
  os.close(theirs)
  rest, ended = b'', None
  while True:
    ready = _wait(ours, child)
    if not ready:
      os.kill(child, signal.SIGKILL)
      ended = 'hang'
      break
    part = os.read(ours, 1 << 16)
    if not part:
      break
    *lines, rest = (rest + part).split(b'\n')
    yield from map(json.loads, lines)
  os.close(ours)
  _, status = os.waitpid(child, 0)
  if ended or status:
    yield {'ended': ended or 'crash', 'detail': f'wait status {status}'}


def _wait(pipe, child):
  """Waits for a message; False where the child hangs.

  It does where it says nothing for so many seconds and either worked all the
  time or not at all. One that works now and then waits for a busy machine.
  """
  for _ in range(_MOST_WAITS):
    before = _worked(child)
    if select.select([pipe], [], [], _SECONDS)[0]:
      return True
    worked = _worked(child) - before
    if worked > 0.7 * _SECONDS or not worked:
      return False
  return False


def _worked(child):
  """The seconds of processor time that a process has had."""
  with open(f'/proc/{child}/stat') as file:
    fields = file.read().rpartition(')')[2].split()
  return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def _be_child(work, ours, theirs):
  """Does the work, and never returns."""
  os.close(ours)
  silence = os.open(os.devnull, os.O_WRONLY)
  os.dup2(silence, 1)
  if 'ODP_LOUD' not in os.environ:
    os.dup2(silence, 2)
  status = 1
  try:
    work(lambda message: os.write(theirs, json.dumps(message).encode() + b'\n'))
    status = 0
  except Exception:
    traceback.print_exc()
  finally:
    os._exit(status)


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--inputs', type=int, default=10000)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--kind', default='', help='part of the names of kinds')
  parser.add_argument('--keep', help='folder for inputs that fail')
  arguments = parser.parse_args()
  started = time.time()
  table = collections.OrderedDict()
  for outcome in run(
    arguments.inputs, arguments.seed, arguments.kind, arguments.keep
  ):
    counts = table.setdefault(outcome.parser, collections.Counter())
    counts[outcome.kind] += 1
    if outcome.kind in FAILURES:
      print(*outcome, sep=' | ', flush=True)
  columns = ('read', 'refused') + FAILURES
  print('| file, reader | ' + ' | '.join(columns) + ' |')
  print('| --- |' + ' --- |' * len(columns))
  total = collections.Counter()
  for name, counts in table.items():
    total.update(counts)
    print('|', name, '|', *(f'{counts[c]:,} |' for c in columns))
  print('| all |', *(f'{total[c]:,} |' for c in columns))
  print(f'seed {arguments.seed}, {time.time() - started:.0f} s')
  sys.exit(any(total[kind] for kind in FAILURES))


if __name__ == '__main__':
  main()
