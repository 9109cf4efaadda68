"""Compiles the sparse ops ahead of their first use.

Needs g++, or the compiler that the variable CXX names. What is compiled already
is not compiled again.

Example:
  odp build_sparse_ops
"""

from object_detection_pruning.common import command
from object_detection_pruning.sparse_ops import library


def main(_) -> None:
  print(f'sparse ops are in {library.build()}')


if __name__ == '__main__':
  command.run(main)
