"""Convolutions write into their concatenation, where nobody else minds."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from rewriting import image, kernel, ops, rewritten

from object_detection_pruning.sparse_ops import library, rewrite


def branch(x, *sizes, outputs=8):
  """Convolutions with relu, one after another."""
  for size in sizes:
    weights = kernel(size, size, x.shape[-1].value, outputs)
    x = tf.nn.relu(tf.nn.conv2d(x, weights, [1] * 4, 'SAME'))
  return x


def image_of(name):
  return tf.placeholder(tf.float32, [None, 12, 14, 16], name=name)


def block(x, **options):
  """The branches of an Inception block."""
  return [
    branch(x, 1, **options),
    branch(x, 1, 3),
    branch(x, 1, 3, 3),
    branch(tf.nn.avg_pool(x, [1, 3, 3, 1], [1] * 4, 'SAME'), 1),
  ]


def test_a_block_needs_no_concatenation(graph):
  tf.concat(block(image()), 3, name='out')
  result = rewritten(graph)
  assert 'ConcatV2' not in ops(result)
  assert result.report.counts['ConcatV2 in place'] == 1


def test_blocks_that_follow_each_other(graph):
  x = tf.concat(block(image()), 3)
  x = tf.concat(block(x)[::-1], -1)
  tf.concat(block(x, outputs=5), 3, name='out')
  assert 'ConcatV2' not in ops(rewritten(graph))


def test_parts_that_feed_each_other(graph):
  # Whatever the order of the channels, a part waits for those it is made of.
  first = branch(image(), 3)
  weights = kernel(1, 1, 8, 8), kernel(1, 1, 8, 8)
  one, two = (tf.nn.conv2d(first, w, [1] * 4, 'SAME') for w in weights)
  tf.concat([branch(two, 3, 3), one], 3, name='out')
  assert 'ConcatV2' not in ops(rewritten(graph))


def test_other_readers_keep_the_concatenation(graph):
  parts = block(image())
  tf.negative(parts[1], name='negative')
  tf.concat(parts, 3, name='out')
  assert 'ConcatV2' in ops(rewritten(graph))


def test_a_part_that_is_twice_in_it_keeps_it(graph):
  x = image()
  twice = branch(x, 3)
  tf.concat([twice, branch(x, 5), twice], 3, name='out')
  assert 'ConcatV2' in ops(rewritten(graph))


def test_an_output_of_the_graph_is_no_part(graph):
  parts = block(image())
  tf.concat(parts, 3, name='out')
  assert 'ConcatV2' in ops(rewritten(graph, outputs=[parts[2].op.name]))


def test_a_part_is_in_one_concatenation_only(graph):
  x = image()
  one, two = branch(x, 1), branch(x, 1)
  tf.concat([one, branch(x, 3)], 3, name='out')
  tf.concat([two, branch(x, 5)], 3, name='other')
  assert ops(rewritten(graph)).count('ConcatV2') == 1


def test_readers_of_a_part_wait_for_nothing_new(graph):
  # The second output of the siblings must not need what `other` is made of.
  x = image()
  other = image_of('other')
  one, two = branch(x, 1), branch(x, 1)
  tf.negative(two, name='negative')
  net = branch(branch(other, 3), 3)
  tf.concat([net, one, branch(x, 3)], 3, name='out')
  library.load()
  result = rewrite.rewrite(graph.as_graph_def())
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(result.graph_def, name='')
    session.run('negative:0', {'image:0': np.zeros((1, 12, 14, 16))})


def test_readers_of_two_parts_keep_the_concatenation(graph):
  one, two = branch(image(), 3), branch(image_of('other'), 3)
  with tf.control_dependencies([one]):
    tf.constant(1.0, name='after_one')
  with tf.control_dependencies([two]):
    tf.constant(2.0, name='after_two')
  tf.concat([one, two], 3, name='out')
  result = rewrite.rewrite(graph.as_graph_def())
  assert 'ConcatV2' in ops(result)


def test_the_axis_goes_with_its_last_reader(graph):
  x = image()
  axis = tf.constant(3, name='axis')
  tf.concat([branch(x, 3), branch(x, 5)], axis, name='out')
  names = {node.name for node in rewritten(graph).graph_def.node}
  assert 'axis' not in names


@pytest.mark.parametrize('axis', [0, 1, 2])
def test_other_axes_stay(graph, axis):
  x = image()
  tf.concat([branch(x, 3), branch(x, 5)], axis, name='out')
  assert 'ConcatV2' in ops(rewritten(graph))


def test_a_dense_part_keeps_it(graph):
  x = image()
  dense = tf.nn.conv2d(x, kernel(3, 3, 16, 8, density=1), [1] * 4, 'SAME')
  tf.concat([branch(x, 3), dense], 3, name='out')
  assert 'ConcatV2' in ops(rewritten(graph))


def test_what_it_waits_for_still_runs_before(graph):
  x = image()
  parts = [branch(x, 3), branch(x, 5)]
  check = tf.Assert(tf.reduce_max(x) < 1e9, [x], name='check')
  with tf.control_dependencies([check]):
    tf.concat(parts, 3, name='out')
  result = rewritten(graph)
  assert 'ConcatV2' not in ops(result)
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(result.graph_def, name='')
    with pytest.raises(tf.errors.InvalidArgumentError, match='assertion'):
      session.run('out:0', {'image:0': np.full((1, 12, 14, 16), 2e9)})


def test_the_old_name_of_a_part_is_gone(graph):
  # It would give a tensor of another shape.
  parts = block(image())
  names = {part.op.name for part in parts}
  tf.concat(parts, 3, name='out')
  result = rewritten(graph)
  assert names.isdisjoint(node.name for node in result.graph_def.node)
