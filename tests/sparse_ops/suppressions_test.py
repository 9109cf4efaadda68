"""The suppression of overlapping boxes becomes one op, to the last bit."""

import numpy as np
import pytest
import suppressing
import tensorflow.compat.v1 as tf
from tensorflow.python.framework import tensor_util

from object_detection_pruning.graphs import graph_index, map_loops, older_ops
from object_detection_pruning.sparse_ops import library, rewrite, suppressions

OP = 'MultiClassNonMaxSuppression'


def check(plain, all_feeds):
  """Rewrites a suppression; its results must be what they were."""
  result = rewrite.rewrite(plain)
  assert result.report.counts == {OP: 1}, str(result.report)
  ops = {node.op for node in result.graph_def.node}
  assert ops <= {OP, 'Placeholder', 'Identity'}
  library.load()
  for expected, found in zip(
    suppressing.run(plain, all_feeds),
    suppressing.run(result.graph_def, all_feeds),
  ):
    for name, a, b in zip(suppressing.OUTPUTS, expected, found):
      np.testing.assert_array_equal(b, a, err_msg=name)


@pytest.mark.parametrize(
  'options',
  [
    {},
    {'classes': 4, 'box_classes': 4, 'frame': False},
    {'classes': 1, 'iou_thresh': 0.3, 'score_thresh': 0.2},
    {'background': 1, 'max_size_per_class': 20, 'iou_thresh': 0.0},
    {'classes': 2, 'max_size_per_class': 2, 'max_total_size': 3},
    {'additional_fields': None, 'iou_thresh': 1.0, 'score_thresh': 0.0},
  ],
)
def test_gives_what_the_stock_suppression_gives(options):
  random = np.random.RandomState(0)
  columns = options.get('classes', 3) + options.get('background', 0)
  boxes = options.get('box_classes', 1)
  check(
    suppressing.graph_def(**options),
    [
      suppressing.random_feeds(random, columns, boxes, images, rows)
      for rows in (0, 1, 20, 150)
      for images in (0, 1, 2)
      for _ in range(2)
    ],
  )


def test_takes_a_graph_whose_ops_were_made_older():
  plain = suppressing.graph_def()
  older_ops.replace(plain)
  check(plain, [suppressing.random_feeds(np.random.RandomState(1))])


def test_fills_classes_and_stops_at_the_best_of_many():
  random = np.random.RandomState(2)
  check(
    suppressing.graph_def(max_size_per_class=100, max_total_size=100),
    [suppressing.random_feeds(random, rows=3000) for _ in range(3)],
  )


def test_keeps_a_value_in_the_middle_that_is_an_output():
  plain = suppressing.graph_def()
  (middle,) = [
    node.name for node in plain.node if node.name.endswith('map/Shape')
  ]
  result = rewrite.rewrite(plain, [middle])
  assert result.report.counts == {OP: 1}
  assert middle in {node.name for node in result.graph_def.node}


@pytest.mark.parametrize(
  'options, reason',
  [
    ({'use_class_agnostic_nms': True}, 'stock suppression'),
    ({'score_thresh': -1.0}, 'negative score threshold'),
  ],
)
def test_leaves_other_suppressions_with_a_reason(options, reason):
  plain = suppressing.graph_def(**options)
  result = rewrite.rewrite(plain)
  assert OP not in {node.op for node in result.graph_def.node}
  (entry,) = result.report.kept
  assert reason in entry.note and entry.op.startswith('NonMaxSuppression')


def test_leaves_a_suppression_outside_of_loops():
  with tf.Graph().as_default() as graph:
    boxes = tf.placeholder(tf.float32, [None, 4])
    tf.image.non_max_suppression(boxes, boxes[:, 0], 5)
    result = rewrite.rewrite(graph.as_graph_def())
  (entry,) = result.report.kept
  assert 'not in a loop' in entry.note


# There are some 400; all of them take minutes.
EVERY = 9


def mutants(plain):
  """Graphs that differ in one constant, or in two inputs of one node."""
  changes = []
  for position, node in enumerate(plain.node):
    if node.op == 'Const':
      value = tensor_util.MakeNdarray(node.attr['value'].tensor)
      if value.dtype.kind in 'fi':
        changes += [(position, value + 1), (position, value - 1)]
    elif len(node.input) > 1 and 'while/' in node.name:
      changes.append((position, None))
  for position, value in changes[::EVERY]:
    mutant = tf.GraphDef()
    mutant.CopyFrom(plain)
    node = mutant.node[position]
    if value is None:
      node.input[0], node.input[1] = node.input[1], node.input[0]
    else:
      node.attr['value'].tensor.CopyFrom(
        tf.make_tensor_proto(value, node.attr['dtype'].type)
      )
    yield mutant


def test_is_right_about_each_graph_that_differs_a_little():
  plain = suppressing.graph_def(
    classes=2, max_size_per_class=9, max_total_size=11
  )
  feeds = [suppressing.random_feeds(np.random.RandomState(3), 2)]
  library.load()
  left = 0
  for mutant in mutants(plain):
    index = graph_index.GraphIndex(mutant)
    loops = list(map_loops.find(mutant, index))
    (found,) = suppressions.find(index, loops)
    if not found.made:
      left += 1
      continue
    result = rewrite.rewrite(mutant)
    try:
      expected = suppressing.run(mutant, feeds)
    except (tf.errors.OpError, ValueError):
      continue
    for a, b in zip(expected[0], suppressing.run(result.graph_def, feeds)[0]):
      np.testing.assert_array_equal(a, b)
  assert left > 20
