import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from object_detection_pruning.dataset_tools import boxes, problems

_SIDE = st.floats(-200, 200)


@given(_SIDE, _SIDE, _SIDE, _SIDE)
def test_a_clipped_box_lies_in_the_image_and_in_the_box(a, b, c, d):
  box = boxes.Box(a, b, c, d)
  try:
    inside = boxes.clipped(box, height=60, width=80)
  except problems.BrokenRecord:
    overlap_height = min(c, 60) - max(a, 0)
    overlap_width = min(d, 80) - max(b, 0)
    assert min(overlap_height, overlap_width) < 1e-3 or c <= a or d <= b
    return
  assert 0 <= inside.ymin < inside.ymax <= 60
  assert 0 <= inside.xmin < inside.xmax <= 80
  assert a <= inside.ymin and inside.ymax <= c
  assert b <= inside.xmin and inside.xmax <= d


def test_keeps_a_box_inside_the_image():
  box = boxes.Box(1.5, 2, 30, 79.25)
  assert boxes.clipped(box, 60, 80) == box


def test_clips_each_side_to_its_own_extent():
  box = boxes.Box(ymin=-5, xmin=-6, ymax=100, xmax=100)
  assert boxes.clipped(box, height=60, width=80) == (0, 0, 60, 80)


@pytest.mark.parametrize(
  'box, reason',
  [
    (boxes.Box(5, 5, 5, 9), 'no area'),
    (boxes.Box(5, 9, 9, 5), 'no area'),
    (boxes.Box(70, 5, 75, 9), 'outside the 80x60 image'),
    (boxes.Box(5, -9, 9, -1), 'outside the 80x60 image'),
    (boxes.Box(5, 5, math.nan, 9), 'not finite'),
    (boxes.Box(5, 5, 9, math.inf), 'not finite'),
  ],
)
def test_says_why_a_box_is_broken(box, reason):
  with pytest.raises(problems.BrokenRecord, match=reason):
    boxes.clipped(box, height=60, width=80)


def test_rounding_does_not_stick_out_but_a_pixel_does():
  assert not boxes.sticks_out(boxes.Box(-0.5, 0, 60.9, 80), 60, 80)
  assert boxes.sticks_out(boxes.Box(0, 0, 61, 80), 60, 80)
  assert boxes.sticks_out(boxes.Box(0, -1, 60, 80), 60, 80)


def test_area_is_in_square_pixels():
  assert boxes.Box(ymin=1, xmin=2, ymax=4, xmax=12).area == 30
