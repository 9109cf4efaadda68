"""Largest difference between the constants of two frozen graphs.

  python benchmarks/post_training/graph_difference.py a.pb b.pb

Fails if it is above 1e-5 or if the graphs have other constants.
"""

import argparse
import sys

import numpy as np

from object_detection_pruning.graphs import freezing, graph_files

_BOUND = 1e-5


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('graphs', nargs=2)
  first, second = (
    freezing.constants(graph_files.read(path).graph_def)
    for path in parser.parse_args().graphs
  )
  if set(first) != set(second):
    sys.exit(f'only one has {sorted(set(first) ^ set(second))[0]}')
  worst = max(
    float(np.max(np.abs(value - second[name]), initial=0))
    for name, value in first.items()
  )
  print(f'{len(first)} constants, largest difference {worst:.2e}')
  if worst > _BOUND:
    sys.exit(f'above {_BOUND}')


if __name__ == '__main__':
  main()
