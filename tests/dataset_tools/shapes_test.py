import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import shapes, styles

_INDICES = st.integers(0, 2**32 - 1)


def _scenes(count, **options):
  return [shapes.generate(0, index, **options) for index in range(count)]


@settings(max_examples=20, deadline=None)
@given(_INDICES, _INDICES)
def test_shapes_share_no_pixel_and_each_is_seen(seed, index):
  scene = shapes.generate(seed, index, size=96)
  assert scene.image.shape == (96, 96, 3)
  assert scene.image.dtype == np.uint8
  assert 1 <= len(scene.masks) == len(scene.labels)
  assert np.sum(scene.masks, axis=0).max() == 1
  assert all(mask.sum() >= 0.001 * 96**2 for mask in scene.masks)
  assert all(0 <= label < len(shapes.CLASSES) for label in scene.labels)


def test_a_scene_depends_on_seed_and_index_alone():
  np.random.seed(1)
  first = shapes.generate(5, 3)
  np.random.seed(2)
  shapes.generate(9, 9)
  again = shapes.generate(5, 3)
  np.testing.assert_array_equal(first.image, again.image)
  np.testing.assert_array_equal(first.masks, again.masks)
  assert first.labels == again.labels


def test_seed_and_index_both_change_the_scene():
  image = shapes.generate(5, 3).image
  assert (shapes.generate(3, 5).image != image).any()
  assert (shapes.generate(5, 4).image != image).any()
  assert (shapes.generate(6, 3).image != image).any()


def test_all_classes_and_all_size_ranges_appear():
  scenes = _scenes(60)
  labels = {label for scene in scenes for label in scene.labels}
  assert labels == set(range(len(shapes.CLASSES)))
  sides = [np.sqrt(mask.sum()) for scene in scenes for mask in scene.masks]
  small = np.mean(np.less(sides, 32))
  large = np.mean(np.greater(sides, 96))
  assert 0.15 < small < 0.6
  assert 0.02 < large < 0.3


def test_some_shapes_hide_parts_of_others():
  touching = 0
  for scene in _scenes(30):
    masks = np.array(scene.masks)
    grown = masks.copy()
    grown[:, 1:] |= masks[:, :-1]
    touching += np.sum(grown, axis=0).max() > 1
  assert touching >= 10


def test_two_fifths_of_each_shape_are_seen():
  least = 1.0
  for seed in range(40):
    _, coverages, masks = shapes.arrange(np.random.RandomState(seed), 128)
    for coverage, mask in zip(coverages, masks):
      assert not (mask & (coverage <= 0.5)).any()
      least = min(least, mask.sum() / (coverage > 0.5).sum())
  assert 0.4 <= least < 0.8


def test_easy_shapes_are_larger_and_hide_less_of_each_other():
  least = 1.0
  for seed in range(40):
    rng = np.random.RandomState(seed)
    labels, coverages, masks = shapes.arrange(rng, 128, styles.EASY)
    assert 1 <= len(labels) <= 3
    for coverage, mask in zip(coverages, masks):
      least = min(least, mask.sum() / (coverage > 0.5).sum())
      assert np.sqrt(mask.sum()) > 0.1 * 128
  assert 0.7 <= least < 0.95


def _spread_of_hues(style):
  """Standard deviation of the hue within the shapes of a class, in [0, 1)."""
  hues = {label: [] for label in range(len(shapes.CLASSES))}
  for index in range(40):
    scene = shapes.generate(0, index, 96, style)
    pixels = np.array(Image.fromarray(scene.image).convert('HSV')) / 256
    for label, mask in zip(scene.labels, scene.masks):
      turns = np.exp(2j * np.pi * pixels[..., 0][mask])
      hues[label].append(turns.mean() / abs(turns.mean()))
  return np.mean([1 - abs(np.mean(each)) for each in hues.values()])


def test_easy_shapes_of_a_class_are_closer_in_hue():
  easy, standard = map(_spread_of_hues, (styles.EASY, styles.STANDARD))
  assert easy < 0.6 * standard


def test_standard_scenes_never_change():
  """Results that were measured on them would be of another data set."""
  scene = shapes.generate(5, 3, 96)
  assert scene.labels == [3, 1, 0]
  # Releases of Pillow round pixels on a rim differently.
  areas = [mask.sum() for mask in scene.masks]
  np.testing.assert_allclose(areas, [57, 1084, 762], atol=5)
  assert scene.image.mean() == pytest.approx(124.52, abs=0.5)


def _contrast(image, mask, rim):
  """Mean step across `rim` against that inside the mask."""
  steps = np.abs(np.diff(image.astype(float), axis=1)).mean(axis=2)
  inside = mask[:, 1:] & mask[:, :-1]
  return steps[rim].mean() / steps[inside].mean()


def test_the_image_changes_where_a_mask_ends():
  ratios = [
    _contrast(scene.image, mask, mask[:, 1:] != mask[:, :-1])
    for scene in _scenes(20)
    for mask in scene.masks
  ]
  assert np.median(ratios) > 3


def test_the_image_changes_where_one_shape_hides_another():
  ratios = []
  for scene in _scenes(60):
    for place, front in enumerate(scene.masks):
      for back in scene.masks[place + 1 :]:
        rim = front[:, 1:] & back[:, :-1] | front[:, :-1] & back[:, 1:]
        if rim.sum() >= 10:
          ratios.append(_contrast(scene.image, front, rim))
  assert len(ratios) > 20
  assert np.median(ratios) > 2.5


def test_a_disc_fills_its_share_of_the_bounding_box():
  polygon = shapes.outline(
    shapes.CLASSES.index('disc'), 20.0, (50.0, 40.0), angle=0.3, stretch=1.0
  )
  np.testing.assert_allclose(polygon.mean(axis=0), (50, 40), atol=1e-9)
  np.testing.assert_allclose(np.hypot(*(polygon - (50, 40)).T), 10.0, atol=1e-9)


def test_stretch_flattens_before_the_turn():
  polygon = shapes.outline(
    shapes.CLASSES.index('disc'), 20.0, (0.0, 0.0), np.pi / 2, stretch=0.5
  )
  assert np.ptp(polygon[:, 0]) == pytest.approx(10, abs=0.1)
  assert np.ptp(polygon[:, 1]) == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize(
  'arguments, message',
  [
    ((-1, 0, 96), 'seed must be in'),
    ((2**32, 0, 96), 'seed must be in'),
    ((0, -1, 96), 'index must be in'),
    ((0, 0, 63), 'image_size must be in .64, 2048. pixels, got 63'),
    ((0, 0, 5000), 'image_size'),
  ],
)
def test_refuses_arguments_out_of_range(arguments, message):
  with pytest.raises(errors.InputError, match=message):
    shapes.generate(*arguments)
