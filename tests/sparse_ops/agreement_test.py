import numpy as np
import pytest
import small_detector

from object_detection_pruning.graphs import freezing, sample_feeds
from object_detection_pruning.sparse_ops import agreement, library, rewrite


@pytest.fixture(scope='module')
def plain():
  library.load()
  return small_detector.graph_def(detects=True)


@pytest.fixture(scope='module')
def feeds(plain):
  return sample_feeds.make(plain, small_detector.photos()[0])


@pytest.fixture(scope='module')
def sparse(plain):
  # Its heads become one op with several outputs.
  return rewrite.rewrite(plain, min_sparsity=0)


def test_a_sparse_graph_agrees_before_and_after_suppression(
  plain, sparse, feeds
):
  assert sparse.moved
  found = agreement.measure(plain, sparse.graph_def, sparse.moved, feeds)
  assert 0 < found.difference < 1e-5
  assert found.detections == found.found > 0
  assert found.is_close
  assert str(found) == (
    f'raw predictions differ by at most {found.difference:.1e} of their '
    f'largest value; {found.found} of {found.found} detections are found by '
    'both'
  )


def test_a_graph_that_is_wrong_is_said_to_be(plain, sparse, feeds):
  broken = type(plain)()
  broken.CopyFrom(sparse.graph_def)
  # Kernels are kept as a mask and the nonzeros.
  (values,) = [
    node for node in broken.node if node.name.endswith('Relu6_3/values')
  ]
  kernel = freezing.constants(sparse.graph_def)[values.name]
  freezing.set_constant(values, kernel * 2)
  found = agreement.measure(plain, broken, sparse.moved, feeds)
  assert found.difference > 0.01
  assert not found.is_close
  assert 'WARNING' in str(found)


def test_a_difference_that_is_no_number_is_not_close():
  assert not agreement.Agreement(float('nan'), 2, 2).is_close
  assert not agreement.Agreement(1e-5, 2, 1).is_close
  assert agreement.Agreement(1e-5, 2, 2).is_close


def test_weights_in_8_bits_may_differ_by_more():
  large = agreement.LARGE_OF_BYTES
  assert not agreement.Agreement(0.05, 2, 2).is_close
  assert agreement.Agreement(0.05, 2, 2, large).is_close
  assert not agreement.Agreement(0.2, 2, 2, large).is_close


def test_detections_match_in_any_order_and_each_only_once():
  boxes = np.float32([[0, 0, 1, 1], [0, 0, 1, 0.99], [0.5, 0.5, 1, 1]])

  def detections(order, classes):
    return agreement._detections(
      [boxes[order], np.ones(len(order)), np.array(classes)]
    )

  three = detections([0, 1, 2], [1, 1, 2])
  assert three.matches(detections([2, 1, 0], [2, 1, 1])) == 3
  # Of two that lie on each other one is gone.
  assert three.matches(detections([2, 1], [2, 1])) == 2
  assert three.matches(detections([0, 1, 2], [1, 1, 1])) == 2
  assert three.matches(detections([], [])) == 0
