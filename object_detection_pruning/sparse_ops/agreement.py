"""Whether a sparse graph finds what its plain graph finds.

Outputs are compared where rounding shows as rounding: before suppression, where
two boxes of almost equal score cannot change their order. Detections are then
matched by class and overlap, not by their number in the list.
"""

from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from object_detection_pruning.graphs import graph_outputs
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.sparse_ops import prediction_differences

# Of detections that are compared.
MIN_SCORE = 0.3
_MIN_OVERLAP = 0.9
# More than rounding does in a deep network: of sums in float32, and of weights
# to 8 bits.
LARGE = 1e-3
LARGE_OF_BYTES = 0.1
_DETECTION = (
  'detection_boxes:0',
  'detection_scores:0',
  'detection_classes:0',
)


class Agreement(NamedTuple):
  """How far two graphs agree on one picture.

  Attributes:
    difference: largest one between raw predictions, as a share of the largest
      magnitude in each; None where the graphs have none in common.
    detections: of the plain graph, from MIN_SCORE on; None for a graph that is
      no detector.
    found: those that the sparse graph finds as well.
    large: more difference than rounding explains.
  """

  difference: Optional[float]
  detections: Optional[int] = None
  found: Optional[int] = None
  large: float = LARGE

  @property
  def is_close(self) -> bool:
    """Whether rounding explains all differences."""
    # NaN is not close.
    is_alike = self.difference is None or self.difference < self.large
    return is_alike and self.detections == self.found

  def __str__(self) -> str:
    parts = []
    if self.difference is not None:
      parts.append(
        f'raw predictions differ by at most {self.difference:.1e} of their '
        'largest value'
      )
    if self.detections:
      parts.append(
        f'{self.found} of {self.detections} detections are found by both'
      )
    elif self.detections is not None:
      parts.append(f'no detection scores {MIN_SCORE:g} in the picture')
    text = '; '.join(parts) or 'no outputs to compare'
    if not self.is_close:
      text += '\nWARNING: this is more than rounding: check the sparse graph'
    return text


def measure(
  plain: GraphDef,
  sparse: GraphDef,
  moved: Dict[str, str],
  feeds: Dict[str, Any],
  large: float = LARGE,
) -> Agreement:
  """Runs both graphs on a picture.

  Args:
    plain: a frozen graph.
    sparse: what it was rewritten to; the op library is loaded.
    moved: outputs of the plain graph that have another name in it.
    feeds: a picture, as `sample_feeds.make` gives it.
    large: more difference than rounding explains.
  """
  comparer = prediction_differences.Comparer(plain, sparse, moved)
  differences = comparer.scaled_differences(feeds)
  # Not Python's max, which loses a NaN.
  largest = float(np.max(list(differences.values()))) if differences else None
  names = graph_outputs.detection_outputs(plain)
  if not set(_DETECTION).issubset(names):
    return Agreement(largest, large=large)
  first, second = (
    _detections(outputs) for outputs in comparer.outputs(_DETECTION, feeds)
  )
  sure = first.above(MIN_SCORE)
  # One that scores just less is found too.
  return Agreement(largest, len(sure.boxes), sure.matches(second), large)


class _Detections(NamedTuple):
  boxes: np.ndarray
  scores: np.ndarray
  classes: np.ndarray

  def above(self, score: float) -> '_Detections':
    kept = self.scores >= score
    return _Detections(*(each[kept] for each in self))

  def matches(self, other: '_Detections') -> int:
    """Counts those that another list has, each of its entries once."""
    free = np.ones(len(other.boxes), bool)
    count = 0
    for box, _, class_id in zip(*self):
      able = free & (other.classes == class_id)
      overlaps = np.where(able, _overlaps(box, other.boxes), 0)
      if overlaps.size and overlaps.max() >= _MIN_OVERLAP:
        free[overlaps.argmax()] = False
        count += 1
    return count


def _detections(outputs: List[np.ndarray]) -> _Detections:
  boxes, scores, classes = (np.asarray(each) for each in outputs)
  return _Detections(boxes.reshape(-1, 4), scores.ravel(), classes.ravel())


def _overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
  """Intersection over union of a box with each of some others."""
  low = np.maximum(box[:2], boxes[:, :2])
  high = np.minimum(box[2:], boxes[:, 2:])
  common = np.prod(np.maximum(high - low, 0), axis=1)
  areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
  whole = np.prod(box[2:] - box[:2]) + areas - common
  return common / np.maximum(whole, 1e-12)
