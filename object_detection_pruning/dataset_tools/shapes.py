"""Scenes of textured shapes, drawn from a seed: images with exact masks.

A scene is a pure function of its arguments, so a data set needs no download
and two people who name the same seed train on the same pixels.
"""

from typing import List, NamedTuple, Tuple

import numpy as np
from PIL import Image, ImageDraw

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import painting, styles

# Colour and texture hint at the class without settling it: form alone is much
# to ask of some hundred images and a network that starts from nothing.
_LOOKS = {
  'box': painting.Look(hue=0.07, patterns=('checks', 'stripes')),
  'disc': painting.Look(hue=0.57, patterns=('grain', 'marble')),
  'star': painting.Look(hue=0.82, patterns=('ripples', 'dots')),
  'triangle': painting.Look(hue=0.32, patterns=('stripes', 'dots')),
}

CLASSES = tuple(sorted(_LOOKS))

_MIN_VISIBLE_SHARE = 0.001  # of the image's pixels
_SUPERSAMPLING = 3
_MIN_SIZE, _MAX_SIZE = 64, 2048


class Scene(NamedTuple):
  """An image and its shapes, front to back.

  Attributes:
    image: uint8, [size, size, 3].
    labels: indices into `CLASSES`, one a shape.
    masks: bool, [size, size] each: the pixels where the shape is seen.
  """

  image: np.ndarray
  labels: List[int]
  masks: List[np.ndarray]


def generate(
  seed: int,
  index: int,
  size: int = 192,
  style: styles.Style = styles.STANDARD,
) -> Scene:
  """Draws scene number `index` of the data set `seed`.

  Args:
    seed: names the data set, in [0, 2**32).
    index: which scene of it, in [0, 2**32).
    size: side of the square image in pixels, from 64 to 2048.
    style: how hard the shapes are to find and to tell.

  Returns:
    The scene; it holds at least one shape. Shapes of which less would be seen
    than the style asks for are not drawn at all.

  Raises:
    errors.InputError: if an argument is out of its range.
  """
  check(seed, index, size)
  rng = np.random.RandomState([seed, index])
  image = painting.background(rng, size)
  labels, coverages, masks = arrange(rng, size, style)
  for label, coverage in zip(reversed(labels), reversed(coverages)):
    look = _LOOKS[CLASSES[label]]
    image = painting.paint(rng, image, coverage, look, style)
  return Scene(painting.develop(rng, image), labels, masks)


def check(seed: int, index: int, size: int) -> None:
  """Refuses arguments that `generate` cannot take.

  Args:
    seed: names the data set.
    index: which scene of it.
    size: side of the square image in pixels.

  Raises:
    errors.InputError: if one of them is out of its range.
  """
  for name, value in (('seed', seed), ('index', index)):
    if not 0 <= value < 2**32:
      raise errors.InputError(f'{name} must be in [0, 2**32), got {value}')
  if not _MIN_SIZE <= size <= _MAX_SIZE:
    raise errors.InputError(
      f'image_size must be in [{_MIN_SIZE}, {_MAX_SIZE}] pixels, got {size}'
    )


def outline(
  label: int,
  diameter: float,
  centre: Tuple[float, float],
  angle: float,
  stretch: float,
) -> np.ndarray:
  """The polygon of a shape.

  Args:
    label: index into `CLASSES`.
    diameter: of the circle around the unstretched shape, in pixels.
    centre: (x, y) of that circle.
    angle: by which the shape is turned, in radians.
    stretch: factor on the height before turning, in (0, 1].

  Returns:
    Vertices (x, y) in order, shape [vertices, 2].
  """
  name = CLASSES[label]
  corners = {'box': 4, 'disc': 60, 'star': 10, 'triangle': 3}[name]
  turns = 2 * np.pi * (np.arange(corners) + 0.5) / corners
  radii = np.full(corners, diameter / 2)
  if name == 'star':
    radii[1::2] *= 0.45
  points = np.stack([radii * np.cos(turns), radii * np.sin(turns) * stretch])
  rotation = np.array(
    [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
  )
  return (rotation @ points).T + np.asarray(centre)


def arrange(
  rng: np.random.RandomState, size: int, style: styles.Style = styles.STANDARD
) -> Tuple[List[int], List[np.ndarray], List[np.ndarray]]:
  """Finds room for the shapes, each behind the ones before it.

  Front to back, a new shape never changes what is seen of an earlier one, so
  a single pass leaves no shape that is nearly hidden.

  Args:
    rng: source of randomness.
    size: side of the square image in pixels.
    style: sizes and number of the shapes, and how much of each is seen.

  Returns:
    For each shape, front to back: its index into `CLASSES`; the part of each
    pixel that it covers, float32, [size, size]; the pixels where it is seen,
    bool, [size, size].
  """
  labels, coverages, masks = [], [], []
  taken = np.zeros((size, size), bool)
  wanted = rng.randint(2, style.max_shapes + 1)
  attempts = 0
  while len(labels) < wanted and (attempts < 4 * wanted or not labels):
    attempts += 1
    label, polygon = _random_outline(rng, size, style)
    coverage = _coverage(polygon, size)
    seen = (coverage > 0.5) & ~taken
    enough = max(
      style.min_visible_fraction * _area(polygon), _MIN_VISIBLE_SHARE * size**2
    )
    if np.count_nonzero(seen) < enough:
      continue
    taken |= seen
    labels.append(label)
    coverages.append(coverage)
    masks.append(seen)
  return labels, coverages, masks


def _random_outline(
  rng: np.random.RandomState, size: int, style: styles.Style
) -> Tuple[int, np.ndarray]:
  label = rng.randint(len(CLASSES))
  diameters = style.diameters
  low, high = diameters[rng.choice(len(diameters), p=style.size_odds)]
  diameter = rng.uniform(low, high) * size
  # Some shapes leave the picture, by at most a quarter of their width.
  reach = diameter * 0.25
  centre = rng.uniform(reach, size - reach, size=2)
  angle = rng.uniform(0, 2 * np.pi)
  stretch = rng.uniform(0.7, 1.0)
  return label, outline(label, diameter, tuple(centre), angle, stretch)


def _area(polygon: np.ndarray) -> float:
  following = np.roll(polygon, -1, axis=0)
  cross = polygon[:, 0] * following[:, 1] - polygon[:, 1] * following[:, 0]
  return abs(cross.sum()) / 2


def _coverage(polygon: np.ndarray, size: int) -> np.ndarray:
  """The part of each pixel that the polygon covers, float32 in [0, 1]."""
  fine = Image.new('L', (size * _SUPERSAMPLING,) * 2)
  ImageDraw.Draw(fine).polygon(
    [tuple(point) for point in polygon * _SUPERSAMPLING], fill=255
  )
  coverage = fine.resize((size, size), Image.BOX)
  return np.asarray(coverage, np.float32) / 255
