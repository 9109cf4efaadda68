"""How a scene of shapes looks: its ground, its surfaces and its light."""

from typing import NamedTuple, Tuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from object_detection_pruning.dataset_tools import styles, textures


class Look(NamedTuple):
  """How the shapes of a class mostly look.

  Attributes:
    hue: the middle of their hues, in [0, 1).
    patterns: their usual textures, keys of `textures.PATTERNS`.
  """

  hue: float
  patterns: Tuple[str, ...]


def background(rng: np.random.RandomState, size: int) -> np.ndarray:
  """An uneven ground with lines on it that belong to no class.

  Args:
    rng: source of randomness.
    size: side of the square image in pixels.

  Returns:
    A float32 image in [0, 1] of shape [size, size, 3].
  """
  hue, saturation = rng.uniform(), rng.uniform(0.05, 0.6)
  value = rng.uniform(0.25, 0.9)
  far = textures.hsv(hue, saturation, value)
  near = textures.hsv(
    hue + rng.uniform(-0.12, 0.12), saturation, value * rng.uniform(0.55, 0.85)
  )
  field = textures.fractal_noise(rng, size, cells=rng.randint(2, 6))
  if rng.uniform() < 0.6:
    weight = rng.uniform(0.2, 0.6)
    pattern = textures.random_pattern(rng, size)
    field = (1 - weight) * field + weight * pattern
  return _with_strokes(rng, textures.mixed(field, near, far))


def _with_strokes(rng: np.random.RandomState, image: np.ndarray) -> np.ndarray:
  """Adds thin lines and arcs, which no class explains."""
  size = image.shape[0]
  layer = Image.new('L', (size * 2,) * 2)
  pen = ImageDraw.Draw(layer)
  for _ in range(rng.randint(0, 6)):
    ends = [tuple(point) for point in rng.uniform(0, 2 * size, size=(2, 2))]
    width = int(rng.randint(1, max(2, size // 48) + 1) * 2)
    if rng.uniform() < 0.5:
      pen.line(ends, fill=255, width=width)
    else:
      (left, top), (right, bottom) = np.sort(np.array(ends), axis=0)
      start = rng.uniform(0, 360)
      pen.arc(
        [left, top, right + 4, bottom + 4],
        start,
        start + rng.uniform(60, 200),
        fill=255,
        width=width,
      )
  ink = np.asarray(layer.resize((size, size), Image.BOX), np.float32) / 255
  shade = textures.hsv(rng.uniform(), 0.3, rng.choice([0.15, 0.95]))
  alpha = ink[..., np.newaxis] * rng.uniform(0.35, 0.8)
  return image * (1 - alpha) + shade * alpha


def paint(
  rng: np.random.RandomState,
  image: np.ndarray,
  coverage: np.ndarray,
  look: Look,
  style: styles.Style = styles.STANDARD,
) -> np.ndarray:
  """Lays one textured, lit shape and its shadow over the image.

  Args:
    rng: source of randomness.
    image: RGB in [0, 1], shape [size, size, 3]; it is not changed.
    coverage: the part of each pixel that the shape covers, in [0, 1], shape
      [size, size]; some pixel is covered by more than half.
    look: of the shape's class.
    style: how closely the shape keeps to it.

  Returns:
    The new image.
  """
  size = image.shape[0]
  beneath = image[coverage > 0.5].mean(axis=0)
  surface = _surface(rng, size, beneath, look, style)
  width = max(1.0, size / 96)
  # Lit from the top left: brighter there, darker on the far rim.
  depth = _blurred(coverage, 2 * width)
  offset = int(round(2 * width))
  light = _moved(depth, offset) - depth
  surface = surface * (1 - 0.9 * light[..., np.newaxis])
  shadow = _blurred(_moved(coverage, offset), width)
  image = image * (1 - 0.45 * shadow[..., np.newaxis])
  alpha = coverage[..., np.newaxis]
  return image * (1 - alpha) + surface * alpha


def _surface(
  rng: np.random.RandomState,
  size: int,
  beneath: np.ndarray,
  look: Look,
  style: styles.Style,
) -> np.ndarray:
  """A pattern in two colours that stand out from what lies beneath."""
  for _ in range(8):
    hue = look.hue + rng.uniform(-style.hue_spread, style.hue_spread)
    light = textures.hsv(hue, rng.uniform(0.4, 0.95), rng.uniform(0.6, 1.0))
    if np.abs(light - beneath).max() > 0.35:
      break
  dark = textures.hsv(
    hue + rng.uniform(-0.1, 0.1), rng.uniform(0.5, 1.0), rng.uniform(0.35, 0.6)
  )
  contrast = rng.uniform(0.35, 1.0)
  usual = rng.uniform() < style.usual_pattern_odds
  names = look.patterns if usual else ()
  pattern = textures.random_pattern(rng, size, names)
  return textures.mixed(1 - contrast * (1 - pattern), dark, light)


def _moved(field: np.ndarray, offset: int) -> np.ndarray:
  """The field moved down and right; what comes in repeats the border."""
  return np.pad(field, ((offset, 0), (offset, 0)), mode='edge')[
    :-offset, :-offset
  ]


def _blurred(field: np.ndarray, radius: float) -> np.ndarray:
  grey = Image.fromarray(np.uint8(np.rint(field * 255)), mode='L')
  soft = grey.filter(ImageFilter.GaussianBlur(radius))
  return np.asarray(soft, np.float32) / 255


def develop(rng: np.random.RandomState, image: np.ndarray) -> np.ndarray:
  """Lights the scene unevenly and adds a camera's noise.

  Args:
    rng: source of randomness.
    image: RGB in [0, 1], shape [size, size, 3].

  Returns:
    The same as uint8.
  """
  size = image.shape[0]
  glow = rng.uniform(0.0, 0.3) * textures.smooth_noise(rng, size, 1)
  exposed = image * (1.1 - glow[..., np.newaxis])
  noise = rng.normal(0, rng.uniform(0.005, 0.025), size=image.shape)
  return np.uint8(np.rint(np.clip(exposed + noise, 0, 1) * 255))
