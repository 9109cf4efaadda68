import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from object_detection_pruning.dataset_tools import problems, segmentations

_MASKS = hnp.arrays(
  np.uint8,
  st.tuples(st.integers(1, 12), st.integers(1, 12)),
  elements=st.integers(0, 1),
).filter(np.any)


@given(_MASKS, st.booleans())
def test_reads_compressed_runs_as_pycocotools_wrote_them(mask, as_text):
  height, width = mask.shape
  runs = coco_mask.encode(np.asfortranarray(mask))
  if as_text:
    runs['counts'] = runs['counts'].decode()
  np.testing.assert_array_equal(
    segmentations.to_mask(runs, height, width), mask.astype(bool)
  )


def test_reads_long_compressed_runs():
  mask = np.zeros((700, 900), np.uint8, order='F')
  mask[10:650, 3:870] = 1
  mask[200:207, 100:800] = 0
  np.testing.assert_array_equal(
    segmentations.to_mask(coco_mask.encode(mask), 700, 900), mask.astype(bool)
  )


def test_reads_plain_runs_down_the_columns():
  runs = {'size': [2, 3], 'counts': [1, 2, 3]}
  np.testing.assert_array_equal(
    segmentations.to_mask(runs, 2, 3), [[0, 1, 0], [1, 0, 0]]
  )


def test_joins_all_polygons_of_an_object():
  squares = [[0, 0, 4, 0, 4, 4, 0, 4], [6, 6, 9, 6, 9, 9, 6, 9]]
  mask = segmentations.to_mask(squares, 10, 12)
  assert mask.shape == (10, 12)
  expected = np.zeros((10, 12), bool)
  expected[0:4, 0:4] = expected[6:9, 6:9] = True
  np.testing.assert_array_equal(mask, expected)


def test_passes_over_a_polygon_of_two_corners_beside_a_good_one():
  mask = segmentations.to_mask([[1, 1, 3, 3], [0, 0, 4, 0, 4, 4]], 5, 5)
  assert mask.any()


@pytest.mark.parametrize(
  'segmentation, reason',
  [
    (None, 'no segmentation'),
    ([], 'no segmentation'),
    ('abc', 'neither a list'),
    ([[]], 'three corners'),
    ([[1, 1, 3, 3]], 'three corners'),
    ([[1, 1, 3, 3, 4]], 'pairs'),
    ([['a'] * 6], 'numbers'),
    ([[1, 1, 3, 1, 3, float('nan')]], 'far outside'),
    ([[1, 1, 3, 1, 3, 1e12]], 'far outside'),
    ([[8, 8, 9, 8, 9, 9]], 'no pixel'),
    ({'size': [4, 5], 'counts': [20]}, 'no pixel'),
    ({'size': [5, 4], 'counts': [0, 20]}, r'size \[5, 4\]'),
    ({'size': [4, 5]}, 'malformed'),
    ({'size': [4, 5], 'counts': [0, 8]}, 'sum to 8, not to 20'),
    ({'size': [4, 5], 'counts': [0, 21]}, 'sum to 21'),
    ({'size': [4, 5], 'counts': [-3, 23]}, 'malformed'),
    ({'size': [4, 5], 'counts': [1.5, 18.5]}, 'malformed'),
    ({'size': [4, 5], 'counts': '5'}, 'sum to 5'),
    ({'size': [4, 5], 'counts': '\x01'}, 'malformed'),
    ({'size': [4, 5], 'counts': 'P'}, 'cut off'),
    ({'size': [4, 5], 'counts': '\u00e9'}, 'malformed'),
  ],
)
def test_says_why_a_segmentation_is_broken(segmentation, reason):
  with pytest.raises(problems.BrokenRecord, match=reason):
    segmentations.to_mask(segmentation, 4, 5)
