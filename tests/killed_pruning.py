"""Runs prune_weights and kills it the hard way once a part is saved.

python tests/killed_pruning.py PART ARGUMENT...
"""

import os
import runpy
import signal
import sys

from object_detection_pruning.reconstruction import progress_file


def main(part, *arguments):
  save = progress_file.Folder.save

  def dying(self, name, value):
    save(self, name, value)
    print(f'saved {name}', file=sys.stderr, flush=True)
    if name == part:
      os.kill(os.getpid(), signal.SIGKILL)

  progress_file.Folder.save = dying
  module = 'object_detection_pruning.prune_weights'
  sys.argv = [module, *arguments]
  runpy.run_module(module, run_name='__main__', alter_sys=True)


if __name__ == '__main__':
  main(*sys.argv[1:])
