"""Runs many random cases of every sparse op.

A program, since a process has only one instruction set:

  ODP_SPARSE_ISA=avx2 python random_cases.py --seed 1 --count 50 --threads 2
"""

import argparse

import numpy as np
import sparse_op_cases as cases
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import sessions


def random_window(random, height, width, largest=4):
  while True:
    window = cases.Window(
      tuple(random.randint(1, largest, 2)),
      tuple(random.randint(1, 4, 2)),
      cases.PADDINGS[random.randint(3)],
      random.randint(0, 4, 4),
    )
    if window.fits(height, width):
      return window


def run_random_case(random):
  """One case of every op."""
  seed = random.randint(1 << 30)
  activation = list(cases.ACTIVATIONS)[random.randint(3)]
  batch = random.choice([0, 1, 2, 17])
  height, width = random.randint(1, 24, 2)
  channels = random.randint(1, 70)
  image = (batch, height, width, channels)
  density = random.choice([0.0, 0.1, 0.4, 1.0])
  same_stride = (random.randint(1, 3),) * 2
  depths = [int(d) for d in random.randint(1, 40, random.randint(1, 4))]
  window = random_window(random, height, width)
  cases.check_sparse_conv(image, depths, window, activation, density, seed)
  parts = [[3] * random.randint(1, 3) + [depth] for depth in depths]
  order = random.permutation(len(parts))
  is_read = bool(random.randint(2))
  cases.check_concatenation(image, parts, order, is_read, seed)
  padding = cases.PADDINGS[random.randint(3)]
  roomy = (batch, height + 3, width + 3, channels)
  cases.check_separable(
    roomy, depths[0], same_stride, padding, activation, density, seed
  )
  cases.check_matmul(
    height * batch, channels, depths[0], activation, density, seed
  )
  window = random_window(random, height, width)
  # TensorFlow's depthwise op has no strides that differ.
  window.strides = same_stride
  multiplier = int(random.choice([1, 3, 8]))
  cases.check_depthwise(image, multiplier, window, activation, seed)
  few = (batch, height, width, random.randint(1, 5))
  window = random_window(random, height, width, 8)
  cases.check_dense(few, depths[0], window, activation, seed)
  method = ('max', 'average')[random.randint(2)]
  window = random_window(random, height, width)
  cases.check_pool(image, method, window, seed)
  some = (max(1, batch), height, width, channels)
  crop = random.randint(1, 6, 2)
  cases.check_crop(some, random.randint(0, 9), crop, random.randint(1, 4), seed)
  size = random.randint(1, 30, 2).tolist()
  cases.check_resize(some, size, bool(random.randint(2)), seed)
  cases.check_cast(image, seed)


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--count', type=int, default=20)
  parser.add_argument('--threads', type=int, default=1)
  arguments = parser.parse_args()
  assert sessions.size_pools(arguments.threads, 1)
  random = np.random.RandomState(arguments.seed)
  for _ in range(arguments.count):
    with tf.Graph().as_default():
      run_random_case(random)
  print(f'{arguments.count} cases of every op agree')


if __name__ == '__main__':
  main()
