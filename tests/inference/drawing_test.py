import numpy as np

from object_detection_pruning.inference import drawing
from object_detection_pruning.inference.detections import Detections

GROUND = 30


def image(height=480, width=640):
  return np.full([height, width, 3], GROUND, np.uint8)


def one(box, class_id=1, score=0.9, masks=None):
  return Detections(
    np.array([box], np.float32), np.array([class_id]), np.array([score]), masks
  )


def changed(picture):
  return (picture != GROUND).any(axis=2)


def test_box_is_drawn_on_its_edges_in_the_colour_of_its_class():
  picture = drawing.draw(image(), one([200, 100, 400, 300], class_id=5), {})
  color = drawing.color_of(5)
  for y, x in [(200, 250), (399, 250), (300, 100), (300, 299)]:
    assert tuple(picture[y, x]) == color
  for y, x in [(300, 200), (401, 250), (300, 301), (300, 98)]:
    assert (picture[y, x] == GROUND).all()


def test_the_image_itself_stays_as_it_was():
  original = image()
  drawing.draw(original, one([200, 100, 400, 300]), {})
  assert (original == GROUND).all()


def test_label_stands_over_the_box_and_differs_by_name():
  found = one([200, 100, 400, 300])
  cat = drawing.draw(image(), found, {1: 'cat'})
  dog = drawing.draw(image(), found, {1: 'dog'})
  assert changed(cat)[180:199, 100:150].all(axis=0).any()
  rows, _ = np.nonzero((cat != dog).any(axis=2))
  assert rows.min() > 170 and rows.max() < 200


def test_mask_tints_its_pixels_and_has_an_edge():
  mask = np.zeros([1, 480, 640], bool)
  mask[0, 250:350, 150:250] = True
  picture = drawing.draw(image(), one([200, 100, 400, 300], masks=mask), {})
  color = np.array(drawing.color_of(1))
  assert tuple(picture[250, 200]) == tuple(color)
  inside = picture[300, 200].astype(int)
  np.testing.assert_allclose(inside, 0.6 * GROUND + 0.4 * color, atol=1)
  assert (picture[240, 200] == GROUND).all()


def test_surest_detection_lies_on_top():
  box = [[200, 100, 400, 300]] * 2
  found = Detections(
    np.array(box, np.float32), np.array([1, 2]), np.array([0.9, 0.8]), None
  )
  picture = drawing.draw(image(), found, {})
  assert tuple(picture[300, 100]) == drawing.color_of(1)


def test_small_image_is_enlarged_with_its_boxes_and_masks():
  mask = np.zeros([1, 60, 80], bool)
  mask[0, 30:40, 30:40] = True
  found = one([20, 10, 50, 50], masks=mask)
  picture = drawing.draw(image(60, 80), found, {})
  assert picture.shape == (480, 640, 3)
  assert tuple(picture[300, 80]) == drawing.color_of(1)
  assert changed(picture)[241:319, 241:319].all()
  assert (picture[230, 280] == GROUND).all()


def test_label_does_not_hide_a_small_box():
  found = Detections(
    np.array([[200, 100, 400, 300], [185, 110, 195, 120]], np.float32),
    np.array([1, 2]),
    np.array([0.9, 0.8]),
    None,
  )
  picture = drawing.draw(image(), found, {})
  assert tuple(picture[185, 115]) == drawing.color_of(2)
  assert (picture[190, 115] == GROUND).all()


def test_boxes_at_the_border_without_area_or_none_at_all_are_no_trouble():
  for box in ([0, 0, 480, 640], [480, 640, 480, 640], [0, 0, 0, 0]):
    drawing.draw(image(), one(box), {1: 'x' * 300})
  nothing = Detections(
    np.zeros([0, 4], np.float32), np.zeros([0], np.int64), np.zeros([0]), None
  )
  assert not changed(drawing.draw(image(), nothing, {})).any()


def test_neighbouring_classes_differ_in_colour():
  colors = np.array([drawing.color_of(label) for label in range(1, 21)])
  distance = np.abs(colors[:, None] - colors[None]).sum(axis=2)
  assert distance[~np.eye(20, dtype=bool)].min() > 25
  assert min(distance[i, i + 1] for i in range(19)) > 200
