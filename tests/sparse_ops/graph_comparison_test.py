"""Two graphs measured side by side, and how their outputs are compared."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.sparse_ops import graph_comparison

FEEDS = {'image:0': np.float32([1, 2, -4])}


def graph(scale, offset):
  with tf.Graph().as_default() as graph:
    image = tf.placeholder(tf.float32, [3], 'image')
    tf.add(image * scale, [0, offset, 0], name='scaled')
    tf.negative(image, name='same')
  return graph.as_graph_def()


@pytest.mark.parametrize('scale', [0.5, 100])
def test_difference_is_a_share_of_the_largest_value(scale):
  plain, other = graph(scale, 0.0), graph(scale, scale * 0.25)
  measured = graph_comparison.compare(plain, other, FEEDS, seconds=0)
  # Of an output that is 4 scales at most.
  assert measured.largest_difference == pytest.approx(0.0625)


@pytest.mark.parametrize(
  'first, second, difference',
  [
    ([2, -8], [3, -8], 0.125),
    ([0, 0], [0, 0], 0),
    ([0, 0], [0, 1], float('inf')),
    ([1, 2], [1], float('inf')),
    ([], [], 0),
  ],
)
def test_scaled_difference_of_arrays(first, second, difference):
  assert difference == graph_comparison.scaled_difference(
    np.float32(first), np.float32(second)
  )


def test_a_difference_that_is_no_number_is_not_hidden():
  measured = graph_comparison.compare(
    graph(0.5, 0.0), graph(0.5, np.nan), FEEDS, seconds=0
  )
  assert np.isnan(measured.largest_difference)
