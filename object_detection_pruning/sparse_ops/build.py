"""Builds the sparse ops ahead of their first use."""

from object_detection_pruning.common import command
from object_detection_pruning.sparse_ops import library


def main(_) -> None:
  print(f'sparse ops are in {library.build()}')


if __name__ == '__main__':
  command.run(main)
