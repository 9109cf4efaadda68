import numpy as np

from object_detection_pruning.inference import masks


def test_full_mask_fills_its_box_and_nothing_else():
  pasted = masks.paste(
    np.ones([1, 15, 15], np.float32), np.array([[2, 3, 7, 9]]), 10, 12
  )
  expected = np.zeros([1, 10, 12], bool)
  expected[0, 2:7, 3:9] = True
  np.testing.assert_array_equal(pasted, expected)


def test_halves_stay_on_their_side():
  grid = np.zeros([1, 4, 4], np.float32)
  grid[0, :, 2:] = 1
  pasted = masks.paste(grid, np.array([[0, 0, 8, 16]]), 8, 16)
  np.testing.assert_array_equal(pasted[0, :, :7], False)
  np.testing.assert_array_equal(pasted[0, :, 9:], True)


def test_threshold_is_exclusive():
  half = np.full([1, 2, 2], 0.5, np.float32)
  box = np.array([[0, 0, 4, 4]])
  assert not masks.paste(half, box, 4, 4).any()
  assert masks.paste(half, box, 4, 4, threshold=0.49).all()


def test_box_without_area_has_an_empty_mask():
  pasted = masks.paste(
    np.ones([2, 3, 3], np.float32), np.array([[2, 2, 2, 5], [0, 0, 1, 1]]), 6, 6
  )
  assert pasted.sum(axis=(1, 2)).tolist() == [0, 1]


def test_outline_is_the_rim_of_the_given_thickness():
  mask = np.zeros([9, 9], bool)
  mask[1:8, 1:8] = True
  inner = np.zeros([9, 9], bool)
  inner[3:6, 3:6] = True
  np.testing.assert_array_equal(masks.outline(mask, 2), mask & ~inner)


def test_outline_of_a_mask_that_leaves_the_image_runs_along_its_border():
  assert masks.outline(np.ones([5, 5], bool), 1).sum() == 16
