import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.evaluation import frontier


def _variable(name, value):
  return tf.get_variable(name, initializer=tf.constant(value, tf.float32))


def test_cuts_just_before_the_layer_and_where_others_join_it():
  image = tf.placeholder(tf.float32, [2], name='image')
  first = tf.multiply(image, _variable('a', 2.0), name='first')
  beside = tf.square(first, name='beside')
  layer = _variable('b', 3.0)
  output = first * layer + beside
  found = frontier.find([image], [layer], [output])
  assert [tensor.op.name for tensor in found] == ['beside', 'first']


def test_the_first_layer_starts_at_the_input():
  image = tf.placeholder(tf.float32, [2], name='image')
  layer = _variable('a', 2.0)
  assert frontier.find([image], [layer], [image * layer]) == [image]


def test_an_output_that_does_not_depend_on_the_layer_is_kept():
  image = tf.placeholder(tf.float32, [2], name='image')
  size = tf.reduce_sum(image, name='size')
  layer = _variable('a', 2.0)
  found = frontier.find([image], [layer], [image * layer, size])
  assert [tensor.op.name for tensor in found] == ['image', 'size']


def test_a_loop_is_fed_from_outside():
  image = tf.placeholder(tf.float32, [3], name='image')
  before = tf.add(image, 1.0, name='before')
  layer = _variable('a', 2.0)
  rows = tf.map_fn(
    lambda pair: pair[0] * layer + pair[1], (before, image), tf.float32
  )
  output = tf.reduce_sum(rows)
  found = frontier.find([image], [layer], [output])
  values = np.array([1, 2, 3], np.float32)
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    expected = session.run(output, {image: values})
    fed = dict(zip(found, session.run(found, {image: values})))
    assert session.run(output, fed) == expected
    session.run(layer.initializer, {layer.initializer.inputs[1]: 5.0})
    changed = session.run(output, fed)
    assert changed == session.run(output, {image: values}) != expected


def test_no_cut_lies_within_a_loop_of_an_imported_graph():
  with tf.Graph().as_default() as built:
    image = tf.placeholder(tf.float32, [4], name='image')
    kernel = tf.constant(2.0, name='kernel')
    # What goes around does not depend on the kernel, what is added up does.
    _, total = tf.while_loop(
      lambda step, total: step < 3,
      lambda step, total: (step + 1, total + image[step] * kernel),
      [0, tf.zeros([])],
    )
    tf.identity(total, name='total')
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(built.as_graph_def(), name='')
    image, kernel, total = (
      graph.get_tensor_by_name(name + ':0')
      for name in ('image', 'kernel', 'total')
    )
    border = frontier.find([image], [kernel], [total])
    with tf.Session() as session:
      values = session.run(border, {image: [1.0, 2.0, 3.0, 4.0]})
      found = session.run(total, dict(zip(border, values)))
  assert found == 12


def test_an_op_that_waits_for_a_check_of_an_input_has_that_input():
  image = tf.placeholder(tf.float32, [2], name='image')
  size = tf.placeholder(tf.int32, [], name='size')
  unused = tf.placeholder(tf.int32, [], name='unused')
  first = tf.multiply(image, _variable('a', 2.0), name='first')
  layer = _variable('b', 3.0)
  with tf.control_dependencies([tf.assert_equal(size, 2)]):
    output = tf.multiply(first, layer)
  found = frontier.find([image, size, unused], [layer], [output])
  assert [tensor.op.name for tensor in found] == ['first', 'size']
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    values = session.run(output, {first: [1.0, 2.0], size: 2})
  assert values.tolist() == [3.0, 6.0]
