"""Measures variants of a detector in turns, and prints a table.

  python benchmarks/sparse_ops/compare.py --graph ssd.pb --sparsities .85,.9

Every variant is a process of its own; a round runs each four times, of which
three count, so whatever else the machine does falls on all of them alike.
Reported is the median of a variant, and how many times faster than the plain
graph with dense weights it is: the ratio of the medians, and in brackets that
of the minima.

The prototype and MNN are measured if the flags say where they are.
"""

import argparse
import os
import sys

import numpy as np
import worker_process  # noqa: E402

_WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'worker.py')


class Variant(worker_process.WorkerProcess):
  """A running worker.py.

  Args:
    label: its row of the table.
    python: the interpreter that runs it.
    options: flags of worker.py.
    core: the processor that it is bound to; None leaves that open.
    environment: variables to set.
  """

  def __init__(self, label, python, options, core=None, environment=None):
    self.label = label
    command = [python, _WORKER] + [f'--{k}={v}' for k, v in options.items()]
    if core is not None:
      command = ['taskset', '-c', str(core)] + command
    super().__init__(command, environment)


def main():
  arguments = _parse()
  variants = _variants(arguments)
  worker_process.take_turns(variants, arguments.seconds)
  print(_table(variants))


def _parse():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--graph', required=True)
  parser.add_argument('--sparsities', default='0.75,0.85,0.9,0.95')
  parser.add_argument('--trained', action='store_true', help='keep the weights')
  parser.add_argument('--dense', action='store_true', help='rewrite it dense')
  parser.add_argument('--height', type=int, default=300)
  parser.add_argument('--width', type=int, default=300)
  parser.add_argument('--image')
  parser.add_argument('--seconds', type=float, default=60)
  parser.add_argument('--threads', type=int, default=1)
  parser.add_argument('--core', type=int, default=0, help='with one thread')
  parser.add_argument('--avx2', action='store_true', help='AVX2 as well')
  parser.add_argument('--prototype', help='folder of the prototype, built')
  parser.add_argument('--other_python', help='with another TensorFlow')
  parser.add_argument(
    '--other_code', help='folder of another state of this code'
  )
  parser.add_argument('--mnn', help='label=file pairs, separated by commas')
  parser.add_argument('--mnn_python', help='interpreter that has MNN')
  return parser.parse_args()


def _variants(arguments):
  core = arguments.core if arguments.threads == 1 else None
  common = {
    'height': arguments.height,
    'width': arguments.width,
    'threads': arguments.threads,
  }
  if arguments.image:
    common['image'] = arguments.image

  def make(label, variant, python=sys.executable, environment=None, **options):
    options = dict(common, variant=variant, **options)
    options.setdefault('graph', arguments.graph)
    return Variant(label, python, options, core, environment)

  variants = [make('plain, dense weights', 'plain')]
  if arguments.dense:
    variants += _of_weights(arguments, 'rewritten, dense weights', make)
  sparsities = [0.0] if arguments.trained else []
  if not arguments.trained and arguments.sparsities:
    sparsities = [float(s) for s in arguments.sparsities.split(',')]
  for sparsity in sparsities:
    name = f'{sparsity:.2f}' if sparsity else 'trained'
    variants += _of_sparsity(arguments, name, make, sparsity)
  for pair in filter(None, (arguments.mnn or '').split(',')):
    label, file = pair.split('=')
    variants.append(
      make(f'MNN {label}', 'mnn', arguments.mnn_python, graph=file)
    )
  return variants


def _of_weights(arguments, name, make, **weights):
  """The rewritten graph on the instruction sets that are asked for."""
  yield make(name, 'sparse', **weights)
  if arguments.avx2:
    environment = {'ODP_SPARSE_ISA': 'avx2'}
    yield make(f'{name}, AVX2', 'sparse', environment=environment, **weights)


def _of_sparsity(arguments, name, make, sparsity):
  """The sparse graph, and whatever it is to be compared with."""

  def sparse(label, **changes):
    return make(f'sparse {name}{label}', 'sparse', sparsity=sparsity, **changes)

  yield from _of_weights(arguments, f'sparse {name}', make, sparsity=sparsity)
  if arguments.prototype:
    yield make(
      f'prototype {name}',
      'prototype',
      prototype=arguments.prototype,
      sparsity=sparsity,
    )
  if arguments.other_code:
    code = {'PYTHONPATH': arguments.other_code}
    yield sparse(', other code', environment=code)
  if arguments.other_python:
    yield sparse(', other TF', python=arguments.other_python)


def _table(variants):
  plain = variants[0]
  lines = [
    '| variant | median ms | times faster | first result s | peak MB | MB |',
    '| --- | --- | --- | --- | --- | --- |',
  ]
  for v in variants:
    faster = np.median(plain.times) / np.median(v.times)
    at_best = min(plain.times) / min(v.times)
    lines.append(
      f'| {v.label} | {np.median(v.times) * 1e3:.1f} '
      f'| {faster:.2f} ({at_best:.2f}) | {v.start["first_seconds"]:.2f} '
      f'| {v.start["peak_mb"]:.0f} | {v.start["bytes"] / 1e6:.1f} |'
    )
  return '\n'.join(lines + [f'{len(plain.times)} runs each'])


if __name__ == '__main__':
  main()
