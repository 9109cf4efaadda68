"""Styles of the generated shapes: how hard they are to find and to tell."""

from typing import Dict, NamedTuple, Tuple

from object_detection_pruning.common import errors


class Style(NamedTuple):
  """What scenes look like on average.

  Attributes:
    diameters: ranges of diameters, as fractions of the image side.
    size_odds: how often each range is taken; they add up to 1.
    max_shapes: most shapes in a scene, at least 2.
    min_visible_fraction: part of a shape that is seen, or it is not drawn.
    hue_spread: most that a hue differs from that of the class, in [0, 1).
    usual_pattern_odds: how often a shape has a texture usual for its class.
  """

  diameters: Tuple[Tuple[float, float], ...]
  size_odds: Tuple[float, ...]
  max_shapes: int
  min_visible_fraction: float
  hue_spread: float
  usual_pattern_odds: float


# At the default side of 192 the diameters fall into COCO's small (< 32 px),
# medium and large (> 96 px) ranges.
STANDARD = Style(
  diameters=((0.13, 0.16), (0.24, 0.44), (0.54, 0.72)),
  size_odds=(0.15, 0.55, 0.30),
  max_shapes=5,
  min_visible_fraction=0.4,
  hue_spread=0.16,
  usual_pattern_odds=0.7,
)

# A small detector learns it from random weights within minutes on a CPU.
EASY = Style(
  diameters=((0.26, 0.36), (0.36, 0.50), (0.50, 0.65)),
  size_odds=(0.4, 0.4, 0.2),
  max_shapes=3,
  min_visible_fraction=0.75,
  hue_spread=0.06,
  usual_pattern_odds=0.9,
)

STYLES: Dict[str, Style] = {'standard': STANDARD, 'easy': EASY}


def find(name: str) -> Style:
  """Gives the style of a name.

  Args:
    name: a key of `STYLES`.

  Raises:
    errors.InputError: there is none.
  """
  if name not in STYLES:
    raise errors.InputError(
      f'style must be one of {", ".join(sorted(STYLES))}, got {name!r}'
    )
  return STYLES[name]
