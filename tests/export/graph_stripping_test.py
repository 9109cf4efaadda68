import hypothesis
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import strategies
from nets.mobilenet_v1 import slim
from tensorflow.python.framework import tensor_util

from object_detection_pruning.common import errors
from object_detection_pruning.core import masking
from object_detection_pruning.export import graph_stripping
from object_detection_pruning.graphs import subgraphs

IMAGE = np.random.RandomState(0).uniform(-1, 1, [2, 9, 9, 3]).astype('f')


def contrib_model_pruning():
  """Gives `tf.contrib.model_pruning`, or skips the test."""
  return pytest.importorskip(
    'tensorflow.contrib.model_pruning', reason='TensorFlow 2 has no tf.contrib'
  )


def freeze(outputs, seed=1):
  """Gives every mask zeros at random, and freezes with TensorFlow's tool."""
  random = np.random.RandomState(seed)
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for variable in tf.global_variables():
      shape = variable.shape.as_list()
      if variable.op.name.endswith('mask'):
        session.run(variable.assign(random.uniform(size=shape) > 0.6))
      elif variable.op.name.endswith(('weights', 'kernel')):
        session.run(variable.assign(random.normal(size=shape)))
    return tf.graph_util.convert_variables_to_constants(
      session, session.graph.as_graph_def(), outputs
    )


def run(graph_def, outputs, **feeds):
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(graph_def, name='')
    return session.run(
      [f'{name}:0' for name in outputs],
      {f'{name}:0': value for name, value in feeds.items()},
    )


def assert_strips(outputs, **feeds):
  """Strips the default graph; its outputs stay as they are, bit for bit."""
  masked = freeze(outputs)
  expected = run(masked, outputs, **feeds)
  stripped = graph_stripping.strip(subgraphs.extract(masked, outputs), outputs)
  for got, wanted in zip(run(stripped.graph_def, outputs, **feeds), expected):
    np.testing.assert_array_equal(got, wanted)
    assert np.unique(wanted).size > 4
  left = {node.name.rpartition('/')[2] for node in stripped.graph_def.node}
  assert left & {'mask', 'threshold'} == set()
  return stripped


def constants(graph_def):
  return {
    node.name: tensor_util.MakeNdarray(node.attr['value'].tensor)
    for node in graph_def.node
    if node.op == 'Const'
  }


def image_placeholder():
  return tf.placeholder(tf.float32, IMAGE.shape, name='image')


def test_layers_of_contrib_are_stripped():
  model_pruning = contrib_model_pruning()
  net = model_pruning.masked_conv2d(image_placeholder(), 4, 3, scope='conv')
  net = model_pruning.masked_fully_connected(
    tf.layers.flatten(net), 5, scope='fc'
  )
  tf.identity(net, 'output')
  stripped = assert_strips(['output'], image=IMAGE)
  assert [kernel.name for kernel in stripped.kernels] == [
    'conv/weights',
    'fc/weights',
  ]
  values = constants(stripped.graph_def)
  assert [kernel.zeros for kernel in stripped.kernels] == [
    np.count_nonzero(values[kernel.name] == 0) for kernel in stripped.kernels
  ]
  assert 0.5 < stripped.sparsity < 0.7
  assert not [n for n in stripped.graph_def.node if 'masked' in n.name]


def test_variable_of_any_name_under_contribs_apply_mask_is_stripped():
  model_pruning = contrib_model_pruning()
  table = tf.get_variable('table', [6, 4])
  masked = model_pruning.apply_mask(table, 'lookup')
  tf.gather(masked, tf.placeholder(tf.int32, [3], 'ids'), name='output')
  stripped = assert_strips(['output'], ids=[0, 2, 5])
  assert [kernel.name for kernel in stripped.kernels] == ['table']


def test_shared_kernel_stays_one_constant():
  image = image_placeholder()
  with masking.masking_scope():
    for reuse in (False, True):
      with tf.variable_scope('net', reuse=reuse):
        net = slim.conv2d(image, 7, 3, scope='conv')
        tf.identity(net, f'output_{int(reuse)}')
  stripped = assert_strips(['net/output_0', 'net_1/output_1'], image=IMAGE)
  big = [v for v in constants(stripped.graph_def).values() if v.size > 50]
  assert [value.size for value in big] == [3 * 3 * 3 * 7]


def test_kernel_that_contrib_multiplies_twice_stays_one_constant():
  model_pruning = contrib_model_pruning()
  image = image_placeholder()
  for reuse in (False, True):
    net = model_pruning.masked_conv2d(image, 7, 3, scope='conv', reuse=reuse)
    tf.identity(net, f'output_{int(reuse)}')
  outputs = ['output_0', 'output_1']
  products = [
    node.name
    for node in tf.get_default_graph().as_graph_def().node
    if 'masked_weight' in node.name
  ]
  assert len(products) == 2
  stripped = assert_strips(outputs, image=IMAGE)
  assert len(stripped.kernels) == 1
  big = [v for v in constants(stripped.graph_def).values() if v.size > 50]
  assert len(big) == 1


def test_kernel_that_is_read_without_its_mask_too_is_kept_both_ways():
  with masking.masking_scope():
    net = slim.conv2d(image_placeholder(), 7, 3, scope='conv')
  tf.identity(net, 'output')
  (kernel,) = masking.masked_kernels()
  tf.square(kernel.weights, name='penalty')
  stripped = assert_strips(['output', 'penalty'], image=IMAGE)
  values = constants(stripped.graph_def)
  assert (values['conv/weights'] == 0).sum() == 0
  assert (values['conv/weights/masked'] == 0).mean() > 0.5


def test_kernels_in_loops_and_conditions_are_stripped():
  image = image_placeholder()
  with masking.masking_scope():

    def body(x):
      return slim.conv2d(x, 3, 3, scope='loop', reuse=tf.AUTO_REUSE)

    looped = tf.while_loop(
      lambda i, x: i < 3, lambda i, x: (i + 1, body(x)), [0, image]
    )[1]
    tf.cond(
      tf.placeholder(tf.bool, [], 'flag'),
      lambda: body(looped),
      lambda: looped * 2,
    )
  (output,) = [
    node.name
    for node in tf.get_default_graph().get_operations()
    if node.type == 'Merge' and node.name.startswith('cond/')
  ]
  for flag in (True, False):
    stripped = assert_strips([output], image=IMAGE, flag=flag)
    assert [kernel.name for kernel in stripped.kernels] == ['loop/weights']


def test_product_that_is_an_output_itself_keeps_its_name():
  with masking.masking_scope():
    slim.conv2d(image_placeholder(), 7, 3, scope='conv')
  stripped = assert_strips(['conv/masked_weight'])
  assert (run(stripped.graph_def, ['conv/masked_weight'])[0] == 0).mean() > 0.5


def test_masked_infinity_becomes_zero():
  weights = tf.constant([[np.inf, -1.0, 2.0]], name='a/weights')
  mask = tf.constant([[0.0, 0.0, 1.0]], name='a/mask')
  tf.identity(tf.multiply(mask, weights, 'a/masked_weight'), 'output')
  graph_def = tf.get_default_graph().as_graph_def()
  stripped = graph_stripping.strip(graph_def, ['output']).graph_def
  (values,) = run(stripped, ['output'])
  assert values.tolist() == [[0, 0, 2]]
  assert not np.signbit(values).any()


def test_product_with_something_that_is_merely_called_mask_stays():
  attention = tf.constant([[0.0, 0.5]], name='attention/mask')
  scores = tf.constant([[3.0, 4.0]], name='attention/scores')
  tf.multiply(attention, scores, name='output')
  graph_def = tf.get_default_graph().as_graph_def()
  with pytest.raises(errors.InputError, match='nothing to strip'):
    graph_stripping.strip(graph_def, ['output'])


@pytest.mark.parametrize(
  'mask, words',
  [
    ([[0.5, 1.0]], 'a/mask must hold zeros and ones only'),
    ([[1.0]], r'a/mask has the shape \[1, 1\] and a/weights \[1, 2\]'),
  ],
)
def test_mask_that_is_none_is_an_error(mask, words):
  weights = tf.constant([[1.0, 2.0]], name='a/weights')
  tf.multiply(tf.constant(mask, name='a/mask'), weights, name='output')
  graph_def = tf.get_default_graph().as_graph_def()
  with pytest.raises(errors.InputError, match=words):
    graph_stripping.strip(graph_def, ['output'])


@hypothesis.settings(deadline=None, max_examples=25)
@hypothesis.given(
  strategies.lists(
    strategies.tuples(strategies.integers(0, 2), strategies.integers(0, 2)),
    min_size=1,
    max_size=6,
  ),
  strategies.sets(strategies.integers(0, 2)),
  strategies.integers(0, 99),
)
def test_any_sharing_of_kernels_and_masks_is_stripped(pairs, raw, seed):
  """Products of three kernels and three masks; some kernels are read raw."""
  random = np.random.RandomState(seed)
  with tf.Graph().as_default() as graph:
    weights = [
      tf.identity(tf.constant(random.normal(size=[3, 4]), name=f'{i}/weights'))
      for i in range(3)
    ]
    masks = [
      tf.constant(random.randint(0, 2, [3, 4]) * 1.0, name=f'{i}/mask')
      for i in range(3)
    ]
    outputs = []
    for kernel, mask in pairs:
      product = tf.multiply(masks[mask], weights[kernel], name='masked_weight')
      outputs.append(tf.negative(product).op.name)
    outputs += [tf.negative(weights[kernel]).op.name for kernel in sorted(raw)]
    graph_def = graph.as_graph_def()
  expected = run(graph_def, outputs)
  stripped = graph_stripping.strip(graph_def, outputs)
  for got, wanted in zip(run(stripped.graph_def, outputs), expected):
    np.testing.assert_array_equal(got, wanted)
  assert len(stripped.kernels) == len(set(pairs))
  kept = set(pairs) | {(kernel, None) for kernel in raw}
  assert len(constants(stripped.graph_def)) == len(kept)
