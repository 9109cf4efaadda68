import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet import conv_blocks

from object_detection_pruning.core import expansions

EXPAND = conv_blocks.expand_input_by_factor


def asked(depth, factor, dense, block='net/block'):
  """The depth to which a block of these dense widths expands its input."""
  with tf.Graph().as_default(), tf.variable_scope(
    block
  ), expansions.as_in_dense(dense):
    return EXPAND(factor)(num_inputs=depth)


@pytest.mark.parametrize(
  'factor, dense, expected',
  [
    # 6 would be rounded to 8, which is more than the block meets.
    (1, {'net/block/project': 16}, 6),
    (3, {'net/block/project': 16, 'net/block/expand': 48}, 48),
    (1, {'net/other/project': 16}, 8),
    (1, {}, 8),
  ],
)
def test_a_block_expands_where_the_dense_one_does(factor, dense, expected):
  assert asked(6, factor, dense) == expected


def test_slim_is_put_back():
  before = conv_blocks._make_divisible
  with pytest.raises(
    ValueError, match='of the network'
  ), expansions.as_in_dense({}):
    raise ValueError('of the network')
  assert conv_blocks._make_divisible is before
  assert asked(6, 1, {}) == 8
