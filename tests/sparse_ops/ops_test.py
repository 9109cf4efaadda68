"""Every op gives what TensorFlow's own ops give."""

import os
import subprocess
import sys

import hypothesis
import pytest
import random_cases
import sparse_op_cases as cases
import tensorflow.compat.v1 as tf
from hypothesis import strategies as st

activations = st.sampled_from(sorted(cases.ACTIVATIONS))
densities = st.sampled_from([0.0, 0.05, 0.3, 1.0])
seeds = st.integers(0, 1 << 30)
threads = st.sampled_from([1, 2])
some = hypothesis.settings(max_examples=25, deadline=None, derandomize=True)


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
  image, depths, window, activation, density, seed, n
):
  hypothesis.assume(window.fits(image[1], image[2]))
  with tf.Graph().as_default():
    cases.check_sparse_conv(image, depths, window, activation, density, seed, n)


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
def test_sparse_convolution_of_tiles_and_chunks(image, depths, kernel, stride):
  window = cases.Window(kernel, (stride, stride), 'SAME')
  cases.check_sparse_conv(image, depths, window, 'relu', 0.15, 3, threads=2)


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
  image, parts, random, is_read_between, seed, n
):
  order = list(range(len(parts)))
  random.shuffle(order)
  with tf.Graph().as_default():
    cases.check_concatenation(image, parts, order, is_read_between, seed, n)


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
  image, outputs, stride, padding, activation, density, seed, n
):
  # Room for the window, whatever the padding.
  image = (image[0], image[1] + 2, image[2] + 2, image[3])
  with tf.Graph().as_default():
    cases.check_separable(
      image, outputs, (stride, stride), padding, activation, density, seed, n
    )


@some
@hypothesis.given(
  st.integers(0, 200),
  st.integers(1, 300),
  st.integers(1, 50),
  activations,
  densities,
  seeds,
)
def test_sparse_matmul(rows, inputs, outputs, activation, density, seed):
  with tf.Graph().as_default():
    cases.check_matmul(rows, inputs, outputs, activation, density, seed)


@some
@hypothesis.given(
  images(),
  st.sampled_from([1, 2, 8]),
  windows(largest=7, strides=(2, 2)) | windows(strides=(1, 1)),
  activations,
  seeds,
  threads,
)
def test_depthwise(image, multiplier, window, activation, seed, n):
  hypothesis.assume(window.fits(image[1], image[2]))
  with tf.Graph().as_default():
    cases.check_depthwise(image, multiplier, window, activation, seed, n)


@some
@hypothesis.given(
  images(most_channels=5),
  st.integers(1, 70),
  windows(largest=7),
  activations,
  seeds,
  threads,
)
def test_dense(image, outputs, window, activation, seed, n):
  hypothesis.assume(window.fits(image[1], image[2]))
  with tf.Graph().as_default():
    cases.check_dense(image, outputs, window, activation, seed, n)


@some
@hypothesis.given(
  images(), st.sampled_from(['max', 'average']), windows(), seeds, threads
)
def test_pool(image, method, window, seed, n):
  hypothesis.assume(window.fits(image[1], image[2]))
  with tf.Graph().as_default():
    cases.check_pool(image, method, window, seed, n)


@some
@hypothesis.given(
  images(),
  st.integers(0, 12),
  st.tuples(st.integers(1, 7), st.integers(1, 7)),
  st.integers(1, 4),
  seeds,
  threads,
)
def test_crop_resize_max_pool(image, boxes, crop, pool, seed, n):
  image = (max(1, image[0]),) + image[1:]
  with tf.Graph().as_default():
    cases.check_crop(image, boxes, crop, pool, seed, n)


@some
@hypothesis.given(
  images(),
  st.tuples(st.integers(1, 40), st.integers(1, 40)),
  st.booleans(),
  seeds,
  threads,
)
def test_resize(image, size, align_corners, seed, n):
  image = (max(1, image[0]),) + image[1:]
  with tf.Graph().as_default():
    cases.check_resize(image, list(size), align_corners, seed, n)


@pytest.mark.parametrize('shape', [[], [0, 3], [1, 480, 640, 3], [7, 31]])
def test_cast(shape):
  cases.check_cast(shape, seed=0, threads=2)


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
    text=True,
  )
  assert '8 cases of every op agree' in done.stdout, done.stderr[-2000:]
