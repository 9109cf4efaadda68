"""Times 1x1 convolutions with zeros in blocks against single zeros.

  python benchmarks/sparse_ops/blocks.py

The layers are those of two detectors that are 1x1 and read no image. Each row
has milliseconds for all of a detector, on one thread: single zeros by the
product of the sparse ops, and blocks by two products that blocks.cc describes.
"""

import argparse
import os
import subprocess
import tempfile
from typing import Dict, List, NamedTuple

from object_detection_pruning.sparse_ops import library

_HERE = os.path.dirname(os.path.abspath(__file__))
# Each with the source of the ops whose flags it takes.
_INSTRUCTION_SETS = {
  'AVX-512': 'kernels_avx512.cc',
  'AVX2': 'kernels_avx2.cc',
}


class Layer(NamedTuple):
  """A 1x1 convolution, and how often a detector has one like it."""

  pixels: int
  inputs: int
  outputs: int
  count: int = 1


# At 300x300, and at 600x800 with the large maps of a first stage alone.
_LAYERS: Dict[str, List[Layer]] = {
  'SSD MobileNet V1 0.75': [
    Layer(150 * 150, 24, 48),
    Layer(75 * 75, 48, 96),
    Layer(75 * 75, 96, 96),
    Layer(38 * 38, 96, 192),
    Layer(38 * 38, 192, 192),
    Layer(19 * 19, 192, 384),
    Layer(19 * 19, 384, 384, 5),
    Layer(10 * 10, 384, 768),
    Layer(10 * 10, 768, 768),
  ],
  'Inception V2': [
    Layer(150 * 200, 64, 64),
    Layer(75 * 100, 192, 64, 3),
    Layer(75 * 100, 256, 64, 2),
    Layer(75 * 100, 256, 96),
    Layer(38 * 50, 576, 224),
    Layer(38 * 50, 576, 192),
    Layer(38 * 50, 576, 160, 2),
    Layer(38 * 50, 576, 128, 6),
    Layer(38 * 50, 576, 96, 4),
  ],
}


def compiled(folder: str, name: str) -> str:
  """Compiles the program for an instruction set; gives its path."""
  program = os.path.join(folder, name)
  flags = library.kernel_flags(_INSTRUCTION_SETS[name])
  flags += ['-std=c++14', f'-I{library.SOURCE_DIR}']
  source = os.path.join(_HERE, 'blocks.cc')
  subprocess.run(['g++', *flags, source, '-o', program], check=True)
  return program


def measured(program: str, layer: Layer, sparsity: float) -> List[float]:
  """Gives milliseconds of each product for all layers of the shape."""
  arguments = [*layer[:3], sparsity]
  done = subprocess.run(
    [program, *map(str, arguments)], stdout=subprocess.PIPE, check=True
  )
  return [layer.count * float(time) for time in done.stdout.split()]


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument(
    '--sparsities',
    type=lambda text: [float(each) for each in text.split(',')],
    default=[0.75, 0.9, 0.95],
    help='with commas',
  )
  given = parser.parse_args()
  print(
    '| 1x1 layers of | with | zeros | single ms | blocks by panels ms '
    '| blocks by pixels ms | faster at best |'
  )
  print('| --- | --- | ---: | ---: | ---: | ---: | ---: |')
  with tempfile.TemporaryDirectory() as folder:
    for name in _INSTRUCTION_SETS:
      program = compiled(folder, name)
      for detector, layers in _LAYERS.items():
        for sparsity in given.sparsities:
          rows = [measured(program, layer, sparsity) for layer in layers]
          single, panels, pixels = map(sum, zip(*rows))
          # A layer takes what is faster for it.
          best = sum(min(row) for row in rows)
          print(
            f'| {detector} | {name} | {sparsity:.0%} | {single:.2f} '
            f'| {panels:.2f} | {pixels:.2f} | {single / best:.2f}x |',
            flush=True,
          )


if __name__ == '__main__':
  main()
