"""Procedural textures: grey fields in [0, 1] and what colours them."""

from typing import Callable, Dict, Sequence, Tuple

import numpy as np
from PIL import Image

Field = np.ndarray
Colour = np.ndarray


def smooth_noise(rng: np.random.RandomState, size: int, cells: int) -> Field:
  """Random values on a coarse grid, joined by a smooth surface.

  Args:
    rng: source of randomness.
    size: side of the field, in pixels.
    cells: number of grid cells along a side.

  Returns:
    A float32 field of shape [size, size] that spans [0, 1].
  """
  grid = rng.uniform(size=(cells + 2, cells + 2)).astype(np.float32)
  # The outermost half cell is cut away: bicubic resampling flattens it.
  margin = size // (cells + 1) + 1
  whole = Image.fromarray(grid, mode='F').resize(
    (size + 2 * margin, size + 2 * margin), Image.BICUBIC
  )
  field = np.asarray(whole)[margin : margin + size, margin : margin + size]
  return _stretched(field)


def fractal_noise(
  rng: np.random.RandomState, size: int, cells: int = 3, octaves: int = 4
) -> Field:
  """Smooth noise in several octaves, each finer and weaker than the last."""
  field = np.zeros((size, size), np.float32)
  for octave in range(octaves):
    detail = min(cells * 2**octave, size // 2)
    field += smooth_noise(rng, size, detail) * 0.5**octave
  return _stretched(field)


def stripes(rng: np.random.RandomState, size: int) -> Field:
  """Parallel bands, slightly bent."""
  along, _ = _turned_grid(rng, size)
  period = rng.uniform(0.05, 0.12) * size
  bend = smooth_noise(rng, size, 2) * rng.uniform(0.0, 0.8) * period
  return _soft_step(np.sin((along + bend) * (2 * np.pi / period)))


def checks(rng: np.random.RandomState, size: int) -> Field:
  """A chessboard."""
  along, across = _turned_grid(rng, size)
  wave = np.pi / (rng.uniform(0.04, 0.09) * size)
  return _soft_step(2 * np.sin(along * wave) * np.sin(across * wave))


def dots(rng: np.random.RandomState, size: int) -> Field:
  """Round spots on a square grid."""
  along, across = _turned_grid(rng, size)
  wave = 2 * np.pi / (rng.uniform(0.06, 0.12) * size)
  bumps = np.cos(along * wave) + np.cos(across * wave)
  return _soft_step(bumps - rng.uniform(0.3, 0.8))


def ripples(rng: np.random.RandomState, size: int) -> Field:
  """Rings around a point somewhere in or near the field."""
  centre = rng.uniform(-0.2, 1.2, size=2) * size
  rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
  radius = np.hypot(rows - centre[0], columns - centre[1])
  period = rng.uniform(0.06, 0.13) * size
  return 0.5 + 0.5 * np.sin(radius * (2 * np.pi / period))


def marble(rng: np.random.RandomState, size: int) -> Field:
  """Veins: bands that strong noise pulls out of shape."""
  along, _ = _turned_grid(rng, size)
  bend = fractal_noise(rng, size) * 0.5 * size
  period = rng.uniform(0.15, 0.3) * size
  return np.abs(np.sin((along + bend) * (np.pi / period)))


def grain(rng: np.random.RandomState, size: int) -> Field:
  """Fine noise, like stone."""
  return fractal_noise(rng, size, cells=12, octaves=3)


PATTERNS: Dict[str, Callable[[np.random.RandomState, int], Field]] = {
  'stripes': stripes,
  'checks': checks,
  'dots': dots,
  'ripples': ripples,
  'marble': marble,
  'grain': grain,
}


def random_pattern(
  rng: np.random.RandomState, size: int, names: Sequence[str] = ()
) -> Field:
  """Draws a pattern.

  Args:
    rng: source of randomness.
    size: side of the field, in pixels.
    names: keys of `PATTERNS` to choose from; all where there are none.

  Returns:
    A field of shape [size, size].
  """
  names = names or sorted(PATTERNS)
  return PATTERNS[names[rng.randint(len(names))]](rng, size)


def mixed(field: Field, dark: Colour, light: Colour) -> np.ndarray:
  """Colours a field.

  Args:
    field: values in [0, 1], shape [height, width].
    dark: RGB in [0, 1] where the field is 0.
    light: RGB in [0, 1] where the field is 1.

  Returns:
    A float32 image in [0, 1] of shape [height, width, 3].
  """
  weight = field[..., np.newaxis].astype(np.float32)
  return (dark * (1 - weight) + light * weight).astype(np.float32)


def hsv(hue: float, saturation: float, value: float) -> Colour:
  """RGB in [0, 1], float32, of a colour given in HSV; the hue wraps."""
  sectors = np.array([5.0, 3.0, 1.0]) + hue % 1.0 * 6.0
  ramp = np.clip(np.minimum(sectors % 6, 4 - sectors % 6), 0, 1)
  return (value * (1 - saturation * ramp)).astype(np.float32)


def _turned_grid(
  rng: np.random.RandomState, size: int
) -> Tuple[np.ndarray, np.ndarray]:
  """Pixel coordinates along and across a random direction."""
  angle = rng.uniform(0, np.pi)
  rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
  along = columns * np.cos(angle) + rows * np.sin(angle)
  across = rows * np.cos(angle) - columns * np.sin(angle)
  return along, across


def _soft_step(field: Field) -> Field:
  return 1 / (1 + np.exp(-5 * field))


def _stretched(field: Field) -> Field:
  low, high = field.min(), field.max()
  return (field - low) / max(high - low, 1e-6)
