"""Feeds the sparse ops random graphs, many of them malformed, under sanitizers.

Builds the op library with AddressSanitizer and UBSan and calls every op with
random shapes, attributes and constants. About half have something broken. Of
the others, some have an image of no values whose other sizes are huge, some
have sizes that only shape inference sees, and some change their weights in
place between two runs. A call may give a result or an error of TensorFlow's; a
read or write out of bounds, or arithmetic that overflows, ends the run with
the sanitizer's report.

  python benchmarks/sparse_ops/fuzz.py --calls 20000 --seed 0
"""

import argparse
import collections
import os
import subprocess
import sys
import time

_FLAGS = [
  '-fsanitize=address,undefined',
  # It needs type information that TensorFlow's library does not have.
  '-fno-sanitize=vptr',
  '-fno-sanitize-recover=undefined',
  '-fno-omit-frame-pointer',
  # Built in less than half of the time.
  '-O1',
  '-g',
]
_CHILD = 'ODP_FUZZ_LIBRARY'
# Calls of one session, which takes longer to open than a call.
_TOGETHER = 25


def main():
  arguments = _parse()
  if _CHILD not in os.environ:
    sys.exit(_restart_under_asan())
  # In the child alone, where the sanitizers are.
  import fuzz_calls
  import numpy as np

  random = np.random.RandomState(arguments.seed)
  calls = fuzz_calls.Calls(random, os.environ[_CHILD], arguments.op)
  end = time.time() + arguments.seconds
  counts = collections.Counter()
  while sum(counts.values()) < arguments.calls and time.time() < end:
    counts.update(calls.some(min(_TOGETHER, arguments.calls)))
  for (op, outcome), count in sorted(counts.items()):
    print(f'{op:32}{outcome:10}{count:8}')
  print(f'{sum(counts.values())} calls, seed {arguments.seed}, no report')


def _parse():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--seconds', type=float, default=float('inf'))
  parser.add_argument('--calls', type=int, default=20000)
  parser.add_argument('--op', default='', help='the only one to call')
  parser.add_argument('--seed', type=int, default=0)
  return parser.parse_args()


def _restart_under_asan():
  from object_detection_pruning.sparse_ops import library

  # The runtime looks for C++ exceptions when it starts, and Python may not have
  # loaded them by then.
  libraries = [
    subprocess.check_output(
      ['g++', f'-print-file-name={name}'], universal_newlines=True
    ).strip()
    for name in ('libasan.so', 'libstdc++.so')
  ]
  environment = dict(
    os.environ,
    LD_PRELOAD=' '.join(libraries),
    # TensorFlow itself leaks at exit and mixes allocators across libraries.
    # A huge allocation is an error to report and not to die from.
    ASAN_OPTIONS='detect_leaks=0:alloc_dealloc_mismatch=0:'
    'detect_odr_violation=0:allocator_may_return_null=1:'
    'max_allocation_size_mb=1024',
    UBSAN_OPTIONS='print_stacktrace=1',
    TF_CPP_MIN_LOG_LEVEL='3',
    **{_CHILD: library.build(_FLAGS)},
  )
  return subprocess.call([sys.executable] + sys.argv, env=environment)


if __name__ == '__main__':
  main()
