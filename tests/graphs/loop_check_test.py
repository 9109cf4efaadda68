import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import graph_check, op_definitions


def loops():
  """A loop within a loop, and what is done with the result."""

  def outer(i, v):
    inner = tf.while_loop(
      lambda j, _: j < 2, lambda j, w: (j + 1, w * 2.0), [0, v], name='inner'
    )
    return i + 1, inner[1] + 1.0

  with tf.Graph().as_default() as graph:
    x = tf.placeholder(tf.float32, [2], 'x')
    result = tf.while_loop(lambda i, _: i < 3, outer, [0, x], name='outer')
    tf.identity(result[1], 'result')
  return graph.as_graph_def()


def check(graph_def):
  graph_check.check(graph_def, 'a.pb', op_definitions.Definitions())


def nodes_of(graph_def, op):
  return [node for node in graph_def.node if node.op == op]


def test_loops_within_loops_pass():
  check(loops())


@pytest.mark.parametrize('rounds', [0, -2])
def test_a_loop_of_no_rounds_at_a_time_is_refused(rounds):
  graph_def = loops()
  nodes_of(graph_def, 'Enter')[0].attr['parallel_iterations'].i = rounds
  with pytest.raises(errors.InputError, match=f'is {rounds}, and must be 1 or'):
    check(graph_def)


@pytest.mark.parametrize('number', range(4))
def test_a_value_of_another_loop_is_refused(number):
  graph_def = loops()
  nodes_of(graph_def, 'Enter')[number].attr['frame_name'].s = b'whil\341'
  with pytest.raises(errors.InputError, match=r'of the loop .* of the loop'):
    check(graph_def)


def test_a_value_that_goes_round_in_another_loop_is_refused():
  graph_def = loops()
  nodes = {node.name: node for node in graph_def.node}
  nodes['outer/inner/Merge'].input[1] = 'outer/NextIteration'
  with pytest.raises(errors.InputError, match=r'node .*Merge.*of the loop'):
    check(graph_def)


def test_a_value_from_outside_is_refused():
  graph_def = loops()
  nodes_of(graph_def, 'Mul')[0].input[0] = 'x'
  with pytest.raises(
    errors.InputError, match='from outside of all loops and values of the loop'
  ):
    check(graph_def)


@pytest.mark.parametrize('op', ['Exit', 'NextIteration'])
def test_a_loop_that_nobody_entered_is_refused(op):
  graph_def = loops()
  graph_def.node.add(name='lost', op=op, input=['x'])
  graph_def.node[-1].attr['T'].type = tf.float32.as_datatype_enum
  with pytest.raises(errors.InputError, match='lost .* it is in no loop'):
    check(graph_def)


def in_function(graph_def):
  """The graph as the body of a function that takes what the graph is fed."""
  made = tf.GraphDef()
  function = made.library.function.add()
  function.signature.name = 'f'
  function.signature.input_arg.add(name='x', type=tf.float32.as_datatype_enum)
  function.node_def.extend(
    node for node in graph_def.node if node.op != 'Placeholder'
  )
  return made


def test_loops_in_functions_pass():
  check(in_function(loops()))


def test_a_value_of_another_loop_in_a_function_is_refused():
  graph_def = loops()
  nodes_of(graph_def, 'Enter')[0].attr['frame_name'].s = b'another'
  with pytest.raises(
    errors.InputError, match=r'function f: .*of the loop another'
  ):
    check(in_function(graph_def))


def test_an_argument_of_a_function_is_outside_of_its_loops():
  graph_def = loops()
  nodes_of(graph_def, 'Mul')[0].input[0] = 'x'
  with pytest.raises(
    errors.InputError, match='from outside of all loops and values of the loop'
  ):
    check(in_function(graph_def))


def test_a_node_of_a_function_that_waits_for_itself_is_refused():
  graph_def = loops()
  nodes = {node.name: node for node in graph_def.node}
  nodes['outer/add'].input[0] = 'outer/add'
  with pytest.raises(
    errors.InputError, match='function f: node outer/add .*depends on itself'
  ):
    check(in_function(graph_def))


def test_how_many_rounds_at_a_time_a_caller_says_is_not_known():
  graph_def = loops()
  for node in nodes_of(graph_def, 'Enter'):
    node.attr['parallel_iterations'].placeholder = 'rounds'
  check(in_function(graph_def))
