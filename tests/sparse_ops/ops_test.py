"""Every op gives what TensorFlow's own ops give."""

import os
import subprocess
import sys

import hypothesis
import pytest
import random_cases
import sparse_op_cases as cases
from hypothesis import strategies as st

from object_detection_pruning.common import own_process

activations = st.sampled_from(sorted(cases.ACTIVATIONS))
densities = st.sampled_from([0.0, 0.05, 0.3, 1.0])
seeds = st.integers(0, 1 << 30)
threads = st.sampled_from([1, 2])
some = hypothesis.settings(max_examples=25, deadline=None, derandomize=True)


class Pools:
  """A process for each number of threads, which keep theirs while they live."""

  def __init__(self):
    self._processes = {n: own_process.OwnProcess(n, 1) for n in (1, 2)}
    self.at_start = {
      n: len(os.listdir(f'/proc/{process.pid}/task'))
      for n, process in self._processes.items()
    }

  def check(self, count, *case):
    """Runs a case on so many threads within an op."""
    self._processes[count].call(cases.run, *case)

  def close(self):
    for process in self._processes.values():
      process.close()


@pytest.fixture(scope='module')
def pools():
  made = Pools()
  yield made
  made.close()


def test_cases_run_on_as_many_threads_as_they_say(pools):
  # How many more is for TensorFlow to say: 1.15 starts two, others one.
  assert pools.at_start[2] > pools.at_start[1]


@st.composite
def images(draw, most_channels=70):
  return (
    draw(st.sampled_from([0, 1, 2, 9, 20])),
    draw(st.integers(1, 20)),
    draw(st.integers(1, 20)),
    draw(st.integers(1, most_channels)),
  )


@st.composite
def windows(draw, largest=5, strides=None):
  strides = strides or (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
  return cases.Window(
    (draw(st.integers(1, largest)), draw(st.integers(1, largest))),
    strides,
    draw(st.sampled_from(cases.PADDINGS)),
    [draw(st.integers(0, 4)) for _ in range(4)],
  )


@some
@hypothesis.given(
  images(),
  st.lists(st.integers(1, 40), min_size=1, max_size=3),
  windows(),
  activations,
  densities,
  seeds,
  threads,
)
def test_sparse_convolution(
  pools, image, depths, window, activation, density, seed, n
):
  hypothesis.assume(window.fits(image[1], image[2]))
  pools.check(
    n, cases.check_sparse_conv, image, depths, window, activation, density, seed
  )


@pytest.mark.parametrize(
  'image, depths, kernel, stride',
  [
    ((1, 75, 100, 64), [96], (3, 3), 1),
    ((2, 61, 57, 64), [32, 33], (3, 3), 2),
    ((1, 60, 50, 96), [16], (5, 5), 3),
    ((33, 7, 7, 160), [96], (3, 3), 1),
    ((100, 7, 7, 64), [40], (3, 3), 2),
    ((1, 38, 50, 576), [64, 64, 96, 128], (1, 1), 1),
    ((1, 20, 64, 32), [8], (1, 7), 1),
    ((1, 64, 20, 32), [8], (7, 1), 1),
    ((1, 38, 50, 192), [24], (3, 3), 1),
    ((3, 10, 10, 64), [24], (3, 3), 1),
    ((1, 24, 24, 16), [8], (9, 9), 1),
  ],
)
def test_sparse_convolution_of_tiles_and_chunks(
  pools, image, depths, kernel, stride
):
  window = cases.Window(kernel, (stride, stride), 'SAME')
  pools.check(
    2, cases.check_sparse_conv, image, depths, window, 'relu', 0.15, 3
  )


@some
@hypothesis.given(
  images(),
  st.lists(
    st.lists(st.integers(1, 30), min_size=1, max_size=2),
    min_size=1,
    max_size=4,
  ),
  st.randoms(),
  st.booleans(),
  seeds,
  threads,
)
def test_convolutions_fill_in_a_concatenation(
  pools, image, parts, random, is_read_between, seed, n
):
  order = list(range(len(parts)))
  random.shuffle(order)
  pools.check(
    n, cases.check_concatenation, image, parts, order, is_read_between, seed
  )


@some
@hypothesis.given(
  images(),
  st.integers(1, 40),
  st.integers(1, 2),
  st.sampled_from(cases.PADDINGS),
  activations,
  densities,
  seeds,
  threads,
)
def test_sparse_separable_convolution(
  pools, image, outputs, stride, padding, activation, density, seed, n
):
  # Room for the window, whatever the padding.
  image = (image[0], image[1] + 2, image[2] + 2, image[3])
  pools.check(
    n,
    cases.check_separable,
    image,
    outputs,
    (stride, stride),
    padding,
    activation,
    density,
    seed,
  )


@some
@hypothesis.given(
  st.integers(0, 200),
  st.integers(1, 300),
  st.integers(1, 50),
  activations,
  densities,
  seeds,
  threads,
)
def test_sparse_matmul(
  pools, rows, inputs, outputs, activation, density, seed, n
):
  pools.check(
    n, cases.check_matmul, rows, inputs, outputs, activation, density, seed
  )


@some
@hypothesis.given(
  images(),
  st.sampled_from([1, 2, 8]),
  windows(largest=7, strides=(2, 2)) | windows(strides=(1, 1)),
  activations,
  seeds,
  threads,
)
def test_depthwise(pools, image, multiplier, window, activation, seed, n):
  hypothesis.assume(window.fits(image[1], image[2]))
  pools.check(
    n, cases.check_depthwise, image, multiplier, window, activation, seed
  )


@some
@hypothesis.given(
  images(most_channels=5),
  st.integers(1, 70),
  windows(largest=7),
  activations,
  seeds,
  threads,
)
def test_dense(pools, image, outputs, window, activation, seed, n):
  hypothesis.assume(window.fits(image[1], image[2]))
  pools.check(n, cases.check_dense, image, outputs, window, activation, seed)


@some
@hypothesis.given(
  images(), st.sampled_from(['max', 'average']), windows(), seeds, threads
)
def test_pool(pools, image, method, window, seed, n):
  hypothesis.assume(window.fits(image[1], image[2]))
  pools.check(n, cases.check_pool, image, method, window, seed)


@some
@hypothesis.given(
  images(),
  st.integers(0, 12),
  st.tuples(st.integers(1, 7), st.integers(1, 7)),
  st.integers(1, 4),
  seeds,
  threads,
)
def test_crop_resize_max_pool(pools, image, boxes, crop, pool, seed, n):
  image = (max(1, image[0]),) + image[1:]
  pools.check(n, cases.check_crop, image, boxes, crop, pool, seed)


@some
@hypothesis.given(
  images(),
  st.tuples(st.integers(1, 40), st.integers(1, 40)),
  st.booleans(),
  seeds,
  threads,
)
def test_resize(pools, image, size, align_corners, seed, n):
  image = (max(1, image[0]),) + image[1:]
  pools.check(n, cases.check_resize, image, list(size), align_corners, seed)


@pytest.mark.parametrize('shape', [[], [0, 3], [1, 480, 640, 3], [7, 31]])
def test_cast(pools, shape):
  pools.check(2, cases.check_cast, shape, 0)


@pytest.mark.parametrize('instruction_set', ['avx512', 'avx2', 'baseline'])
@pytest.mark.parametrize('thread_count', [1, 2])
def test_every_instruction_set_agrees(instruction_set, thread_count):
  done = subprocess.run(
    [
      sys.executable,
      random_cases.__file__,
      f'--threads={thread_count}',
      '--count=8',
      f'--seed={thread_count}',
    ],
    env=dict(os.environ, ODP_SPARSE_ISA=instruction_set),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    encoding='utf-8',
  )
  assert '8 cases of every op agree' in done.stdout, done.stderr[-2000:]
