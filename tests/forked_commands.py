"""Runs commands many times, with the imports that take seconds done once.

    python tests/forked_commands.py

Each line of its input is a JSON object: `runs`, a list of
[module, [argument, ...]]; `environment`, `folder` and `cwd`, under which they
run one after the other; and `result`, the file for the answers. It prints a
line when they are there. Each run has a process of its own, forked before any
session.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import sys
import tempfile
import traceback
from typing import Callable, NoReturn

import processes

import object_detection_pruning

# As in conftest.py.
gc.set_threshold(50000, 20, 100)

# Modules of commands define flags, and can do so once in a process; and what
# makes protos needs more than is installed to run commands.
_LEFT_OUT = ('dataset_tools', 'protos')


def import_rooms():
  """Imports what the commands import, so that a child need not."""
  root = object_detection_pruning.__name__
  for room in pkgutil.iter_modules(object_detection_pruning.__path__):
    if room.ispkg and room.name not in _LEFT_OUT:
      package = importlib.import_module(f'{root}.{room.name}')
      path, prefix = package.__path__, f'{package.__name__}.'
      for module in pkgutil.walk_packages(path, prefix):
        importlib.import_module(module.name)
  # A child need not look through them for garbage.
  gc.collect()
  if hasattr(gc, 'freeze'):  # not in Python 3.6
    gc.freeze()


def run_to_its_end(program: Callable[[], None]) -> NoReturn:
  """Runs a function as a program, and ends this process with its status.

  It ends as Python does, but for taking apart all that was imported, which
  takes half a second.
  """
  status = 0
  try:
    program()
  except SystemExit as exit_request:
    status = exit_request.code or 0
    if not isinstance(status, int):
      print(status, file=sys.stderr)
      status = 1
  except BaseException:
    traceback.print_exc()
    status = 1
  atexit._run_exitfuncs()
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(status)


def run(module, arguments, request):
  """Gives [exit status, stdout, stderr] of `python -m module arguments`."""
  with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
    child = os.fork()
    if not child:
      os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
      os.dup2(stdout.fileno(), 1)
      os.dup2(stderr.fileno(), 2)
      os.environ.clear()
      os.environ.update(request['environment'])
      os.chdir(request['cwd'])
      sys.path.insert(0, request['folder'] or request['cwd'])
      sys.argv = [module] + arguments
      run_to_its_end(
        lambda: runpy.run_module(module, run_name='__main__', alter_sys=True)
      )
    status = os.waitpid(child, 0)[1]
    texts = []
    for output in (stdout, stderr):
      output.seek(0)
      texts.append(output.read().decode())
  return [os.WEXITSTATUS(status) if os.WIFEXITED(status) else -status] + texts


def main():
  import_rooms()
  for line in iter(sys.stdin.readline, ''):
    request = json.loads(line)
    answers = [
      run(module, arguments, request) for module, arguments in request['runs']
    ]
    with open(request['result'], 'w') as file:
      json.dump(answers, file)
    print(processes.DONE, flush=True)


if __name__ == '__main__':
  main()
