import colorsys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from object_detection_pruning.dataset_tools import textures


@pytest.mark.parametrize('name', sorted(textures.PATTERNS))
@pytest.mark.parametrize('size', [64, 97])
def test_patterns_fill_the_field_with_light_and_dark(name, size):
  field = textures.PATTERNS[name](np.random.RandomState(3), size)
  assert field.shape == (size, size)
  assert 0 <= field.min() < 0.25
  assert 0.75 < field.max() <= 1


def test_smooth_noise_is_smooth():
  field = textures.smooth_noise(np.random.RandomState(0), 128, cells=3)
  assert field.min() == 0 and field.max() == pytest.approx(1)
  assert np.abs(np.diff(field, axis=0)).max() < 0.1


_UNIT = st.floats(0, 1)


@given(_UNIT, _UNIT, _UNIT)
def test_hsv_agrees_with_colorsys(hue, saturation, value):
  np.testing.assert_allclose(
    textures.hsv(hue, saturation, value),
    colorsys.hsv_to_rgb(hue % 1.0, saturation, value),
    atol=1e-5,
  )


def test_mixed_takes_dark_at_zero_and_light_at_one():
  dark, light = np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.8, 0.7])
  image = textures.mixed(np.array([[0.0, 1.0, 0.5]]), dark, light)
  np.testing.assert_allclose(image[0], [dark, light, [0.5] * 3], atol=1e-6)
