import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import default_attributes


def test_attributes_at_their_default_go_and_others_stay():
  image = tf.placeholder(tf.float32, [1, 4, 4, 1])
  kernel = tf.ones([1, 1, 1, 2])
  tf.nn.conv2d(image, kernel, [1, 1, 1, 1], 'SAME', name='plain')
  tf.nn.conv2d(
    image, kernel, [1, 1, 1, 1], 'SAME', dilations=[1, 2, 2, 1], name='dilated'
  )
  graph_def = tf.get_default_graph().as_graph_def()
  written = {
    node.name: node.attr for node in default_attributes.without(graph_def).node
  }
  assert 'dilations' not in written['plain']
  assert list(written['dilated']['dilations'].list.i) == [1, 2, 2, 1]
  assert written['plain']['padding'].s == b'SAME'
  before = {node.name: node.attr for node in graph_def.node}
  assert 'dilations' in before['plain']


def test_op_that_nobody_knows_keeps_its_attributes():
  graph_def = tf.GraphDef()
  node = graph_def.node.add(name='a', op='NobodyKnowsThis')
  node.attr['size'].i = 3
  (written,) = default_attributes.without(graph_def).node
  assert written.attr['size'].i == 3
