"""Runs pruning without training, and says what it took.

    python benchmarks/post_training/cost.py FLAGS_OF_PRUNE_WEIGHTS...

Appends a line of JSON to cost.jsonl beside this file: minutes, minutes of all
cores together, the most memory at a time in GB, the cores, and the command.
"""

import json
import os
import resource
import subprocess
import sys
import time

_RESULTS = os.path.join(
  os.path.dirname(os.path.abspath(__file__)), 'cost.jsonl'
)


def main() -> None:
  command = ['prune_weights'] + sys.argv[1:]
  started = time.perf_counter()
  subprocess.check_call(
    [sys.executable, '-m', 'object_detection_pruning'] + command
  )
  minutes = (time.perf_counter() - started) / 60
  used = resource.getrusage(resource.RUSAGE_CHILDREN)
  result = {
    'minutes': round(minutes, 2),
    'core_minutes': round((used.ru_utime + used.ru_stime) / 60, 2),
    'peak_gb': round(used.ru_maxrss / 1e6, 2),
    'cores': len(os.sched_getaffinity(0)),
    'command': [os.path.basename(word) for word in command],
  }
  print(result)
  with open(_RESULTS, 'a') as file:
    file.write(json.dumps(result) + '\n')


if __name__ == '__main__':
  main()
