"""Converts a frozen graph to an MNN file with sparse kernels where it can.

Runs with an interpreter that has MNN and not TensorFlow:

  python benchmarks/sparse_ops/make_mnn.py --graph pruned.pb --output pruned.mnn

It calls MNN's binding. MNN's own `mnnconvert` program installs packages by
itself, so it is not used.
"""

import argparse


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--graph', required=True)
  parser.add_argument('--output', required=True)
  parser.add_argument('--dense', action='store_true', help='no sparse kernels')
  arguments = parser.parse_args()
  # The binding needs MNN's libraries loaded before it.
  import MNN  # noqa: F401, I001
  import _tools

  command = ['mnnconvert', '-f', 'TF', '--modelFile', arguments.graph]
  command += ['--MNNModel', arguments.output, '--bizCode', 'MNN']
  if not arguments.dense:
    command.append('--detectSparseSpeedUp')
  _tools.mnnconvert(command)


if __name__ == '__main__':
  main()
