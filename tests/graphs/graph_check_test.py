import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import graph_check, op_definitions


def network():
  """A placeholder, a convolution, a loop and what detectors do to shapes."""
  with tf.Graph().as_default() as graph:
    image = tf.placeholder(tf.float32, [None, 8, 8, 3], 'image')
    kernel = tf.constant(np.ones([3, 3, 3, 2], np.float32), name='kernel')
    x = tf.nn.conv2d(image, kernel, [1, 1, 1, 1], 'SAME', name='conv')
    x = tf.reshape(x, tf.constant([-1, 128], name='sizes'), name='flat')
    tf.while_loop(
      lambda i, _: i < 3, lambda i, v: (i + 1, v * 2.0), [0, x], name='loop'
    )
  return graph.as_graph_def()


def check(graph_def, runs=None, ops_known=True):
  ops = op_definitions.Definitions() if ops_known else None
  graph_check.check(graph_def, 'a.pb', ops, runs)


def node_of(graph_def, name):
  (node,) = [each for each in graph_def.node if each.name == name]
  return node


def refused(graph_def, *parts, **options):
  """The graph is refused in one line that has all parts."""
  with pytest.raises(errors.InputError) as caught:
    check(graph_def, **options)
  message = str(caught.value)
  assert '\n' not in message and message.startswith('a.pb cannot be used: ')
  for part in parts:
    assert part in message


def test_a_whole_graph_with_a_loop_passes_unchanged():
  graph_def = network()
  before = network()
  check(graph_def)
  assert graph_def == before


def test_functions_pass():
  @tf.function
  def double(x):
    return x * 2.0

  with tf.Graph().as_default() as graph:
    tf.identity(double(tf.placeholder(tf.float32, [2])))
  graph_def = graph.as_graph_def()
  assert graph_def.library.function
  check(graph_def)


BAD_ATTRIBUTES = [
  ('conv', 'data_format', {'s': b'\377'}, 'must be one of NHWC, NCHW'),
  (
    'conv',
    'padding',
    {'s': b'MOST'},
    'is MOST, and must be one of SAME, VALID',
  ),
  ('conv', 'padding', {'i': 3}, 'must be of the type string, got 3'),
  ('conv', 'T', {'type': 99}, 'is type number 99, which does not exist'),
  ('conv', 'T', {'type': 0}, 'is type number 0, which does not exist'),
  ('conv', 'T', {'type': 7}, 'is DT_STRING, and must be one of'),
  ('conv', 'unheard_of', {'i': 3}, 'unheard_of is 3, and this TensorFlow does'),
  ('conv', '_class', {'list': {'s': [b'loc:@\xe9']}}, 'which is no text'),
  ('image', 'dtype', {'f': 1.0}, 'must be of the type type, got 1.0'),
]


@pytest.mark.parametrize('name, attribute, value, message', BAD_ATTRIBUTES)
def test_wrong_attributes_are_named(name, attribute, value, message):
  graph_def = network()
  node = node_of(graph_def, name)
  node.attr[attribute].CopyFrom(tf.AttrValue(**value))
  refused(graph_def, f'node {name} ({node.op}): attribute ', message)


def test_missing_attribute_is_named():
  graph_def = network()
  del node_of(graph_def, 'conv').attr['strides']
  refused(graph_def, 'node conv (Conv2D): attribute strides is missing')


@pytest.mark.parametrize(
  'attribute, value',
  [
    ('use_new_kernels', {'b': False}),
    ('debug_name', {'s': b''}),
    ('batch_dims', {'i': 0}),
    ('more', {'list': {}}),
    ('exponential_avg_factor', {'f': 1.0}),
  ],
)
def test_attribute_of_a_newer_tensorflow_goes_at_its_default(attribute, value):
  graph_def = network()
  node_of(graph_def, 'conv').attr[attribute].CopyFrom(tf.AttrValue(**value))
  check(graph_def)
  assert attribute not in node_of(graph_def, 'conv').attr
  with tf.Graph().as_default():
    tf.import_graph_def(graph_def)


@pytest.mark.parametrize(
  'device', ['/device:GPU:0', '/job:worker/task:3/device:CPU:0', 'odd device']
)
def test_places_of_other_machines_are_forgotten(device):
  graph_def = network()
  node_of(graph_def, 'conv').device = device
  check(graph_def)
  assert node_of(graph_def, 'conv').device == ''


def test_place_on_a_cpu_stays():
  graph_def = network()
  node_of(graph_def, 'conv').device = '/device:CPU:0'
  check(graph_def)
  assert node_of(graph_def, 'conv').device == '/device:CPU:0'


BAD_INPUTS = [
  (['image', 'gone'], 'its input gone is not there'),
  (['image', 'kernel:1'], 'kernel:1 is not there: kernel has 1 outputs'),
  (['image', 'kernel:x'], 'its input kernel:x is not there'),
  (['image', ''], "its input '' is not there"),
  (['image'], 'it must have 2 inputs, got 1'),
  (['image', 'kernel', 'kernel'], 'it must have 2 inputs, got 3'),
  (['image', 'sizes'], 'is of the type int32, and must be float32'),
  (['image', '^sizes', 'kernel'], 'comes after nodes to wait for'),
  (['image', 'kernel', '^sizes:0'], 'its input ^sizes:0 is not there'),
]


@pytest.mark.parametrize('inputs, message', BAD_INPUTS)
def test_wrong_inputs_are_named(inputs, message):
  graph_def = network()
  node = node_of(graph_def, 'conv')
  del node.input[:]
  node.input.extend(inputs)
  refused(graph_def, 'node conv (Conv2D): ', message)


def test_circle_outside_of_a_loop_is_refused():
  graph_def = network()
  node_of(graph_def, 'conv').input.append('^flat')
  refused(graph_def, '): it depends on itself')


def test_name_that_two_nodes_have_is_refused():
  graph_def = network()
  graph_def.node.add().CopyFrom(node_of(graph_def, 'conv'))
  refused(graph_def, 'node conv (Conv2D): another node has the same name')


@pytest.mark.parametrize('name', ['', 'a b', '/a', 'a\nb'])
def test_name_that_is_none_is_refused(name):
  graph_def = network()
  graph_def.node.add(name=name, op='NoOp')
  refused(graph_def, '(NoOp): this is no name for a node')


def test_unknown_op_is_named_with_its_library():
  for op, words in (
    ('OpOfNobody', 'does not know its op'),
    ('TRTEngineOp', 'its op belongs to TensorRT'),
    ('SparseConv2D_', 'its op belongs to the sparse ops'),
  ):
    graph_def = network()
    graph_def.node.add(name='strange', op=op)
    refused(graph_def, f'node strange ({op}): ', words)
    check(graph_def, ops_known=False)


def test_reshape_that_ends_tensorflows_importer_is_refused():
  graph_def = network()
  tensor = node_of(graph_def, 'sizes').attr['value'].tensor
  tensor.CopyFrom(tf.make_tensor_proto([-1, 0]))
  refused(graph_def, 'node flat (Reshape): its shape, sizes, has both 0 and -1')


def test_function_that_calls_itself_is_refused():
  graph_def = network()
  function = graph_def.library.function.add()
  function.signature.name = 'again'
  node = function.node_def.add(name='call', op='PartitionedCall')
  for key in ('Tin', 'Tout'):
    node.attr[key].list.SetInParent()
  node.attr['f'].func.name = 'again'
  refused(graph_def, 'function again calls itself')


def test_function_that_is_not_there_is_named():
  graph_def = network()
  node = graph_def.node.add(name='call', op='PartitionedCall')
  for key in ('Tin', 'Tout'):
    node.attr[key].list.SetInParent()
  node.attr['f'].func.name = 'gone'
  refused(graph_def, 'node call (PartitionedCall): ', 'a function gone')


REACHING = [
  ('ReadFile', 'files'),
  ('WriteFile', 'files'),
  ('PyFunc', 'Python'),
  ('Abort', 'the process'),
  ('SaveV2', 'checkpoints'),
  ('RestoreV2', 'checkpoints'),
]


def with_op(op):
  with tf.Graph().as_default() as graph:
    text = tf.constant('x', name='text')
    result = tf.identity(text, name='result')
    if op == 'ReadFile':
      tf.read_file(text, name='reaching')
    elif op == 'WriteFile':
      tf.io.write_file(text, text, name='reaching')
    elif op == 'PyFunc':
      tf.py_func(len, [text], tf.int64, name='reaching')
    elif op == 'Abort':
      tf.raw_ops.Abort(name='reaching')
    elif op == 'SaveV2':
      tf.raw_ops.SaveV2(
        prefix=text,
        tensor_names=['a'],
        shape_and_slices=[''],
        tensors=[result],
        name='reaching',
      )
    else:
      tf.raw_ops.RestoreV2(
        prefix=text,
        tensor_names=['a'],
        shape_and_slices=[''],
        dtypes=[tf.float32],
        name='reaching',
      )
  return graph.as_graph_def()


@pytest.mark.parametrize('op, what', REACHING)
def test_op_that_reaches_out_of_the_graph_is_refused(op, what):
  refused(
    with_op(op),
    f'node reaching ({op}): a model has no business with {what}',
  )


def test_checkpoint_ops_are_refused_only_where_they_run():
  graph_def = with_op('SaveV2')
  check(graph_def, runs=['result'])
  refused(graph_def, 'no business with checkpoints', runs=['reaching'])


def test_other_reaching_ops_are_refused_wherever_they_are():
  refused(with_op('WriteFile'), 'business with files', runs=['result'])
