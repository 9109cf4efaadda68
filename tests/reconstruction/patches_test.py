import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.reconstruction import kernel_layers, patches


@pytest.mark.parametrize('padding', ['SAME', 'VALID'])
@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('dilation', [1, 2])
@pytest.mark.parametrize('window', [1, 2, 3])
def test_rows_times_the_kernel_are_the_convolution(
  padding, stride, dilation, window
):
  if stride > 1 and dilation > 1:
    pytest.skip('no such convolution')
  rng = np.random.RandomState(0)
  value = rng.randn(2, 9, 12, 3).astype(np.float32)
  kernel = rng.randn(window, window, 3, 4).astype(np.float32)
  with tf.Graph().as_default() as graph, tf.Session() as session:
    image = tf.placeholder(tf.float32, value.shape)
    output = tf.nn.conv2d(
      image,
      tf.constant(kernel),
      [1, stride, stride, 1],
      padding,
      dilations=[1, dilation, dilation, 1],
    )
    expected = session.run(output, {image: value}).reshape(-1, 4)
    (layer,) = kernel_layers.find(graph.as_graph_def()).layers
  rows = patches.rows(layer, value, np.arange(len(expected)))
  found = rows.reshape(len(expected), -1) @ kernel.reshape(-1, 4)
  np.testing.assert_allclose(found, expected, atol=1e-4)


def test_samples_are_the_same_for_the_same_seed_and_never_repeat():
  first = patches.sample(1000, 100, (1, 2))
  assert (first == patches.sample(1000, 100, (1, 2))).all()
  assert (first != patches.sample(1000, 100, (1, 3))).any()
  assert len(set(first)) == 100
  assert len(patches.sample(10, 100, (0,))) == 10
