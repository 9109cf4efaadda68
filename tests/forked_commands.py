"""Runs commands many times, with the imports that take seconds done once.

    python tests/forked_commands.py RESULT.json < RUNS.json

RUNS.json is a list of [module, [argument, ...]]. Each run has a process of its
own, forked before any session.
"""

import json
import os
import runpy
import sys
import tempfile

# What the commands import, so that a child need not.
from object_detection_pruning.training import loop, model_lib  # noqa: F401


def run(module, arguments):
  """Gives [exit status, stdout, stderr] of `python -m module arguments`."""
  with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
    child = os.fork()
    if not child:
      os.dup2(stdout.fileno(), 1)
      os.dup2(stderr.fileno(), 2)
      sys.argv = [module] + arguments
      runpy.run_module(module, run_name='__main__', alter_sys=True)
      sys.exit(0)
    status = os.waitpid(child, 0)[1]
    texts = []
    for output in (stdout, stderr):
      output.seek(0)
      texts.append(output.read().decode())
  return [os.WEXITSTATUS(status) if os.WIFEXITED(status) else -status] + texts


def main(result):
  answers = [
    run(module, arguments) for module, arguments in json.load(sys.stdin)
  ]
  with open(result, 'w') as file:
    json.dump(answers, file)


if __name__ == '__main__':
  main(*sys.argv[1:])
