import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from tensorflow.core.framework import tensor_shape_pb2

from object_detection_pruning.graphs import tensor_check


def shape_of(*sizes):
  dims = [tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in sizes]
  return tensor_shape_pb2.TensorShapeProto(dim=dims)


@pytest.mark.parametrize('sizes', [(), (0,), (-1, 3), (2**31, 2**31)])
def test_shapes_that_can_be(sizes):
  assert tensor_check.shape_problem(shape_of(*sizes)) is None


@pytest.mark.parametrize(
  'sizes, problem',
  [
    ((2**32, 2**31), 'overflows'),
    # TensorFlow may multiply the others first.
    ((2**32, 0, 2**31), 'overflows'),
    ((2**32, -1, 2**31), 'overflows'),
    ((3, -2), 'the size -2'),
    ((1,) * 255, '255 dimensions'),
  ],
)
def test_shapes_that_cannot_be(sizes, problem):
  assert problem in tensor_check.shape_problem(shape_of(*sizes))


def test_constant_has_a_whole_shape():
  assert 'the size -1' in tensor_check.shape_problem(shape_of(-1), whole=True)


@pytest.mark.parametrize(
  'values',
  [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.float32(3),
    np.zeros([0, 4], np.int32),
    np.array([1, 2], np.int64),
    np.array([True, False]),
    np.array([1 + 2j, 3], np.complex64),
    np.array([0.5, 2], np.float16),
    np.array([b'a', b'bc']),
  ],
)
def test_whole_constants_stay(values):
  tensor = tf.make_tensor_proto(values)
  before = tensor.SerializeToString()
  assert tensor_check.make_plain(tensor) is None
  assert tensor.SerializeToString() == before


def test_values_that_are_left_out_are_written_out():
  tensor = tf.make_tensor_proto(np.zeros([2, 3], np.float32))
  tensor.tensor_content = b''
  tensor.float_val.extend([1.0, 2.0])
  assert tensor_check.make_plain(tensor) is None
  assert tf.make_ndarray(tensor).tolist() == [[1, 2, 2], [2, 2, 2]]


def test_constant_without_values_is_zero():
  tensor = tf.make_tensor_proto(np.ones([2, 3], np.int32))
  tensor.tensor_content = b''
  assert tensor_check.make_plain(tensor) is None
  assert tf.make_ndarray(tensor).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_constant_of_another_length_is_told():
  tensor = tf.make_tensor_proto(np.ones([2, 3], np.float32))
  tensor.tensor_content = tensor.tensor_content[:-1]
  assert '24 bytes by its shape, got 23' in tensor_check.make_plain(tensor)
  tensor = tf.make_tensor_proto([1, 2])
  tensor.tensor_content = b''
  tensor.int_val.extend([1, 2, 3])
  assert '2 values by its shape, got 3' in tensor_check.make_plain(tensor)


def test_constant_that_no_memory_is_for_is_told():
  tensor = tf.make_tensor_proto(1.0)
  tensor.tensor_shape.CopyFrom(shape_of(2**20, 2**20))
  assert 'no memory' in tensor_check.make_plain(tensor)


def test_constant_of_no_type_is_told():
  tensor = tf.make_tensor_proto(1.0)
  tensor.dtype = 77
  assert 'number 77, which does not exist' in tensor_check.make_plain(tensor)
  tensor.dtype = tf.resource.as_datatype_enum
  assert 'DT_RESOURCE, which has no values' in tensor_check.make_plain(tensor)
