import hypothesis
import pytest
from hypothesis import strategies

from object_detection_pruning.inference import labels

IMAGE = (100, 80)
LABEL = (30, 10)


def place(box, *taken):
  return labels.find_position(
    LABEL, labels.Rectangle(box), IMAGE, [labels.Rectangle(t) for t in taken]
  )


def test_stands_over_its_box():
  assert place((20, 30, 60, 70)) == (20, 20, 50, 30)


def test_stands_in_a_box_at_the_top_of_the_image():
  assert place((20, 5, 60, 70)) == (20, 5, 50, 15)


def test_moves_left_rather_than_out_of_the_image():
  assert place((90, 30, 99, 40)) == (70, 20, 100, 30)


def test_gives_way_to_what_is_there():
  assert place((20, 30, 60, 60), (0, 0, 100, 45)) == (20, 60, 50, 70)


def test_touching_is_not_covering():
  assert place((20, 30, 60, 70), (0, 30, 100, 40)) == (20, 20, 50, 30)


def test_has_no_place_where_all_is_taken():
  assert place((20, 30, 60, 70), (0, 0, 100, 80)) is None


def test_label_wider_than_the_image_starts_at_its_left():
  box = labels.Rectangle((50, 40, 60, 60))
  assert labels.find_position((150, 10), box, IMAGE, [])[:2] == (0, 30)


@hypothesis.given(
  strategies.lists(
    strategies.tuples(*[strategies.integers(0, 80)] * 4), max_size=12
  )
)
def test_labels_never_overlap_nor_leave_the_image(corners):
  taken = []
  for x1, y1, x2, y2 in corners:
    box = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    found = labels.find_position(LABEL, labels.Rectangle(box), IMAGE, taken)
    if found is not None:
      assert found[0] >= 0 and found[2] <= 100
      assert found[1] >= 0 and found[3] <= 80
      assert (found[2] - found[0], found[3] - found[1]) == LABEL
      assert not any(found.overlaps(other) for other in taken)
      taken.append(found)


@pytest.mark.parametrize('text', ['cat 50%', 'žluťoučký kůň 9%', 'y'])
def test_size_holds_the_text(text):
  font = labels.font_of(20)
  width, height = labels.size_of(text, font)
  left, top, right, bottom = font.getbbox(text)
  assert width > right - left
  assert height > bottom
  assert height == labels.size_of('x', font)[1]


def test_text_that_is_too_wide_is_known_by_its_end():
  font = labels.font_of(16)
  name = 'exports/dense/frozen_inference_graph.pb'
  for width in (60, 150, 250):
    short = labels.shortened(name, font, width)
    assert 0 < font.getbbox(short)[2] <= width
    assert name.endswith(short[1:])
  assert labels.shortened(name, font, 1000) == name
  assert labels.shortened(name, font, 3) == ''
