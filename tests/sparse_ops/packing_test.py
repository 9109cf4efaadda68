"""Packing keeps every weight, and a bit for each."""

import hypothesis
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from object_detection_pruning.sparse_ops import packing


@hypothesis.given(
  arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=1, max_dims=4, max_side=9),
    elements=st.sampled_from([0.0, 1.5, -2.0, 2.0**-60, -0.0]),
  )
)
def test_unpacks_to_the_same_weights(weights):
  mask, values = packing.pack(weights)
  assert mask.size == -(-weights.size // 8)
  assert values.size == np.count_nonzero(weights)
  np.testing.assert_array_equal(
    packing.unpack(mask, values, weights.shape), weights
  )


def test_puts_the_first_weight_into_the_lowest_bit():
  mask, values = packing.pack(np.array([3.0] + [0.0] * 8 + [4.0]))
  assert mask.tolist() == [1, 2]
  assert values.tolist() == [3.0, 4.0]
