"""Scopes that mask: what they choose, how they nest and how they end."""

import masked_graph
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.common import errors
from object_detection_pruning.core import mask_rules, masking


def test_patterns_choose_layers_and_exclude_wins():
  x = masked_graph.images()
  with masking.masking_scope(include=['^body', 'head'], exclude=['logits$']):
    slim.conv2d(x, 2, 1, scope='body/a')
    slim.conv2d(x, 2, 1, scope='my_body/a')
    slim.conv2d(x, 2, 1, scope='head/box')
    slim.conv2d(x, 2, 1, scope='head/logits')
  assert masked_graph.masked_layers() == ['body/a', 'head/box']
  assert mask_rules.candidate_layers() == [
    'body/a',
    'my_body/a',
    'head/box',
    'head/logits',
  ]


def test_include_of_nothing_masks_nothing():
  with masking.masking_scope(include=()):
    slim.conv2d(masked_graph.images(), 2, 1, scope='conv')
  assert masked_graph.masked_layers() == []
  assert masked_graph.variable_names() == ['conv/weights', 'conv/biases']


def test_nested_scopes_add_layers_and_exclusions_but_no_second_mask():
  x = masked_graph.images()
  with masking.masking_scope(include=['a'], exclude=['never']):
    slim.conv2d(x, 2, 1, scope='a1')
    slim.conv2d(x, 2, 1, scope='b1')
    with masking.masking_scope(), masking.masking_scope():
      slim.conv2d(x, 2, 1, scope='a2')
      slim.conv2d(x, 2, 1, scope='b2')
      slim.conv2d(x, 2, 1, scope='never')
    slim.conv2d(x, 2, 1, scope='b3')
  slim.conv2d(x, 2, 1, scope='a3')
  assert masked_graph.masked_layers() == ['a1', 'a2', 'b2']
  assert len(tf.global_variables()) == 7 * 2 + 3 * 2


def test_layer_reused_outside_its_rule_stays_masked():
  x = masked_graph.images()
  with masking.masking_scope():
    slim.conv2d(x, 4, 3, scope='conv')
  with masking.masking_scope(include=['other']):
    y = slim.conv2d(x, 4, 3, scope='conv', reuse=True)
  (kernel,) = masking.masked_kernels()
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    masked_graph.set_mask(session, kernel, np.zeros([3, 3, 3, 4]))
    assert not session.run(y).any()


def test_layers_are_numbered_as_without_masks():
  def build(context):
    with tf.Graph().as_default():
      x = masked_graph.images()
      slim.conv2d(x, 2, 1)
      with context():
        slim.conv2d(x, 2, 1)
        with tf.variable_scope('inner'):
          slim.conv2d(x, 2, 1)
      with context():
        slim.conv2d(x, 2, 1)
        with tf.variable_scope(None, default_name='inner'):
          slim.conv2d(x, 2, 1)
      slim.conv2d(x, 2, 1)
      return [
        op.name
        for op in tf.get_default_graph().get_operations()
        if op.type in ('VariableV2', 'Conv2D')
        and op.name.rpartition('/')[2] not in ('mask', 'threshold')
      ]

  masked_names = build(masking.masking_scope)
  assert masked_names == build(lambda: tf.name_scope(None))
  assert 'Conv_3/weights' in masked_names
  assert 'inner_1/Conv/weights' in masked_names


def test_getter_leaves_with_its_scope_also_after_an_error():
  scope = tf.get_variable_scope()
  with pytest.raises(RuntimeError), masking.masking_scope():
    raise RuntimeError
  assert scope.custom_getter is None
  slim.conv2d(masked_graph.images(), 2, 1, scope='conv')
  assert masked_graph.masked_layers() == []


def test_getter_of_the_user_still_sees_every_variable():
  seen = []

  def getter(getter, name, *args, **kwargs):
    seen.append(name)
    return getter(name, *args, **kwargs)

  with tf.variable_scope('net', custom_getter=getter), masking.masking_scope():
    slim.conv2d(masked_graph.images(), 2, 1, scope='conv')
  assert seen == [
    f'net/conv/{name}' for name in ('weights', 'mask', 'threshold', 'biases')
  ]
  assert masked_graph.masked_layers() == ['net/conv']


def test_decorator_masks_what_the_function_builds():
  @masking.masked(exclude=['head'])
  def build(x, width):
    """Builds."""
    x = slim.conv2d(x, width, 1, scope='body')
    return slim.conv2d(x, 1, 1, scope='head')

  assert build.__doc__ == 'Builds.'
  assert build(masked_graph.images(), width=5).shape.as_list() == [2, 6, 6, 1]
  assert masked_graph.masked_layers() == ['body']
  slim.conv2d(masked_graph.images(), 1, 1, scope='other')
  assert masked_graph.masked_layers() == ['body']


@pytest.mark.parametrize('by_name', [False, True])
def test_decorator_masks_inside_a_variable_scope_given_as_argument(by_name):
  @masking.masked
  def build(x, scope):
    with tf.variable_scope(scope, 'Net', [x]):
      return slim.conv2d(x, 2, 1)

  with tf.variable_scope('mine') as scope:
    pass
  if by_name:
    build(masked_graph.images(), scope=scope)
  else:
    build(masked_graph.images(), scope)
  assert masked_graph.masked_layers() == ['mine/Conv']
  assert scope.custom_getter is None


@pytest.mark.parametrize('field', ['include', 'exclude'])
@pytest.mark.parametrize('patterns', [['('], 'Logits'])
def test_broken_pattern_fails_before_anything_is_built(field, patterns):
  with pytest.raises(
    errors.InputError, match=f'^{field} must be'
  ), masking.masking_scope(**{field: patterns}):
    slim.conv2d(masked_graph.images(), 2, 1)
  assert tf.global_variables() == []
  assert tf.get_variable_scope().custom_getter is None


def test_graph_that_is_read_from_a_file_has_its_patterns_and_layers():
  with masking.masking_scope(exclude=['head']):
    net = tf.layers.dense(tf.zeros([1, 2]), 3, name='body')
    tf.layers.dense(net, 3, name='head')
  read = tf.train.export_meta_graph()
  with tf.Graph().as_default():
    tf.train.import_meta_graph(read)
    mask_rules.check_patterns()
    with masking.masking_scope(include=['more']):
      tf.layers.dense(tf.zeros([1, 2]), 3, name='more')
    assert mask_rules.candidate_layers() == ['body', 'head', 'more']
    assert len(masking.masked_kernels()) == 2
    tf.add_to_collection('object_detection_pruning/mask_exclude', 'no_such')
    with pytest.raises(errors.InputError, match="'no_such' is found in no"):
      mask_rules.check_patterns()
