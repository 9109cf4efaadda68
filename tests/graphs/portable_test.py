import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import portable


def test_attributes_at_their_default_go_and_others_stay():
  image = tf.placeholder(tf.float32, [1, 4, 4, 1])
  kernel = tf.ones([1, 1, 1, 2])
  tf.nn.conv2d(image, kernel, [1, 1, 1, 1], 'SAME', name='plain')
  tf.nn.conv2d(
    image, kernel, [1, 1, 1, 1], 'SAME', dilations=[1, 2, 2, 1], name='dilated'
  )
  graph_def = tf.get_default_graph().as_graph_def()
  written = {node.name: node.attr for node in portable.portable(graph_def).node}
  assert 'dilations' not in written['plain']
  assert list(written['dilated']['dilations'].list.i) == [1, 2, 2, 1]
  assert written['plain']['padding'].s == b'SAME'
  before = {node.name: node.attr for node in graph_def.node}
  assert 'dilations' in before['plain']


def test_op_that_nobody_knows_keeps_its_attributes():
  graph_def = tf.GraphDef()
  node = graph_def.node.add(name='a', op='NobodyKnowsThis')
  node.attr['size'].i = 3
  (written,) = portable.portable(graph_def).node
  assert written.attr['size'].i == 3


def suppression(sigma):
  boxes = tf.placeholder(tf.float32, [None, 4], 'boxes')
  scores = tf.placeholder(tf.float32, [None], 'scores')
  indices, kept = tf.image.non_max_suppression_with_scores(
    boxes, scores, 3, 0.5, 0.2, sigma
  )
  tf.identity(indices, 'indices')
  tf.identity(kept, 'kept')
  return tf.get_default_graph().as_graph_def()


def detect(graph_def):
  feeds = {
    'boxes:0': [[0, 0, 1, 1], [0, 0, 1, 0.9], [2, 2, 3, 3], [4, 4, 5, 5]],
    'scores:0': [0.5, 0.9, 0.3, 0.1],
  }
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(graph_def, name='')
    return [list(a) for a in session.run(['indices:0', 'kept:0'], feeds)]


HAS_SOFT = hasattr(tf.image, 'non_max_suppression_with_scores')


@pytest.mark.skipif(not HAS_SOFT, reason='TensorFlow 1.14 has no such op')
def test_plain_suppression_becomes_an_older_op_that_finds_the_same():
  graph_def = suppression(0.0)
  written = portable.portable(graph_def)
  ops = {node.op for node in written.node}
  assert 'NonMaxSuppressionV3' in ops
  assert 'NonMaxSuppressionV5' not in ops
  found = detect(written)
  assert found == detect(graph_def)
  assert found[0] == [1, 2]


@pytest.mark.skipif(not HAS_SOFT, reason='TensorFlow 1.14 has no such op')
def test_suppression_that_lowers_scores_stays():
  written = portable.portable(suppression(0.5))
  assert 'NonMaxSuppressionV5' in {node.op for node in written.node}
