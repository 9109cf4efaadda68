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
