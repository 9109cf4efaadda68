"""Runs commands many times, with the imports that take seconds done once.

    python tests/forked_commands.py

Each line of its input is a JSON object: `runs`, a list of
[module, [argument, ...]]; `environment`, `folder` and `cwd`, under which they
run one after the other; and `result`, the file for the answers. It prints a
line when they are there. Each run has a process of its own, forked before any
session.
"""

import gc
import json
import os
import runpy
import sys
import tempfile

import processes

# What the commands import, so that a child need not.
from object_detection_pruning.training import loop, model_lib  # noqa: F401

# As in conftest.py.
gc.set_threshold(50000, 20, 100)


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
      runpy.run_module(module, run_name='__main__', alter_sys=True)
      sys.exit(0)
    status = os.waitpid(child, 0)[1]
    texts = []
    for output in (stdout, stderr):
      output.seek(0)
      texts.append(output.read().decode())
  return [os.WEXITSTATUS(status) if os.WIFEXITED(status) else -status] + texts


def main():
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
