"""Random calls of the suppression, for fuzz_calls.py."""

import numpy as np

_THRESHOLDS = [0.0, 1e-8, 0.3, 0.5, 1.0]
_BAD_THRESHOLDS = [-1.0, 2.0, float('nan'), float('inf')]


def call(random):
  """Gives the op, its tensors and its attributes."""
  images, rows = int(random.randint(0, 3)), int(random.choice([0, 1, 9, 200]))
  classes, first = int(random.randint(1, 6)), int(random.randint(0, 2))
  own = int(random.choice([1, classes]))
  corners = random.uniform(-0.2, 1.2, (images, rows, own, 4))
  scores = random.uniform(-0.1, 1, (images, rows, first + classes))
  if random.rand() < 0.5:
    # Many of them the same.
    scores = np.round(scores * 4) / 4
  tensors = {
    'scores': scores.astype('float32'),
    'boxes': corners.astype('float32'),
    'clip_window': random.uniform(-0.1, 1.1, (images, 4)).astype('float32'),
    'num_valid_boxes': random.randint(0, rows + 1, images).astype('int32'),
  }
  if random.rand() < 0.5:
    shape = [images, rows] + random.randint(0, 4, random.randint(3)).tolist()
    tensors['fields'] = random.normal(size=shape).astype('float32')
  thresholds = [
    float(
      random.choice(_BAD_THRESHOLDS if random.rand() < 0.05 else _THRESHOLDS)
    )
    for _ in range(2)
  ]
  attributes = {
    'score_threshold': thresholds[0],
    'iou_threshold': thresholds[1],
    'max_size_per_class': int(random.randint(1, 30)),
    'max_total_size': int(random.randint(1, 60)),
    'first_class': first,
    'change_coordinate_frame': bool(random.randint(2)),
  }
  return 'multi_class_non_max_suppression', tensors, attributes
