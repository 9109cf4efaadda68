import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.core import widths

_NARROW = [widths.LayerWidth('a', 3, 8)]


@pytest.mark.parametrize('shape', [(2, 5), (2, 7, 5), (2, 7, 9, 5)])
@pytest.mark.parametrize(
  'layer',
  [
    lambda net: tf.layers.dense(net, 8, name='a'),
    lambda net: slim.fully_connected(net, 8, scope='a'),
  ],
)
def test_products_over_more_dimensions_are_as_wide_as_their_kernels(
  layer, shape
):
  with widths.width_scope(_NARROW):
    net = layer(tf.zeros(shape))
  assert net.shape.as_list() == [*shape[:-1], 3]
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    assert session.run(net).shape == (*shape[:-1], 3)
  # Afterwards layers are what their arguments say.
  with tf.Graph().as_default():
    assert layer(tf.zeros(shape)).shape.as_list() == [*shape[:-1], 8]
