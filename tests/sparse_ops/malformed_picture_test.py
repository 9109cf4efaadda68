"""A malformed resizing of pictures is an InvalidArgument error."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from sparse_op_inputs import unknown

from object_detection_pruning.sparse_ops import library

PICTURES = np.zeros((2, 4, 5, 3), np.uint8)


def resized(pictures=None, size=(6, 7), before=(), after=(), **attributes):
  if pictures is None:
    pictures = unknown(PICTURES, tf.uint8)
  return library.load().resize_normalize_picture(
    pictures=pictures,
    size=size if isinstance(size, tf.Tensor) else unknown(size, tf.int32),
    before=[unknown(each) for each in before],
    after=[unknown(each) for each in after],
    **attributes,
  )


@pytest.mark.parametrize(
  'message, changes',
  [
    ('pictures must be', {'pictures': PICTURES[0]}),
    ('pictures must be', {'pictures': PICTURES[..., :1]}),
    ('no pixels', {'pictures': PICTURES[:, :0]}),
    ('no pixels', {'pictures': PICTURES[:, :, :0]}),
    ('size must be', {'size': [6, 7, 3]}),
    ('size must be', {'size': [[6, 7]]}),
    ('size must be in', {'size': [0, 7]}),
    ('size must be in', {'size': [6, -1]}),
    ('size must be in', {'size': [6, 2**31 - 1]}),
    ('before_ops must be 0', {'before_ops': '*'}),
    ('after_ops must be 1', {'after': [[1.0]], 'after_ops': ''}),
    ('after_ops must be 1', {'after': [[1.0]], 'after_ops': '^'}),
    ('1 or 3 values', {'before': [[1.0, 2.0]], 'before_ops': '-'}),
    ('1 or 3 values', {'before': [[]], 'before_ops': '-'}),
    ('1 or 3 values', {'before': [[[1.0]]], 'before_ops': '-'}),
  ],
)
def test_malformed_calls_are_refused(message, changes):
  if 'pictures' in changes:
    changes = dict(changes, pictures=unknown(changes['pictures'], tf.uint8))
  with pytest.raises(
    (tf.errors.InvalidArgumentError, ValueError), match=message
  ), tf.Session() as session:
    session.run(resized(**changes))


def test_the_shape_is_known_beforehand():
  pictures = tf.placeholder(tf.uint8, [2, None, None, 3])
  assert resized(pictures).shape.as_list() == [2, None, None, 3]
  size = tf.constant([6, 7])
  assert resized(pictures, size).shape.as_list() == [2, 6, 7, 3]


def test_a_size_that_overflows_is_refused_beforehand():
  pictures = tf.placeholder(tf.uint8, [2**40, None, None, 3])
  size = tf.constant([1 << 20, 1 << 20])
  with pytest.raises(ValueError, match='is too large'):
    resized(pictures, size)
