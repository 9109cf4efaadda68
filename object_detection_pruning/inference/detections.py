"""What a detector finds in one image, in pixels."""

from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np
from pycocotools import mask as coco_mask

from object_detection_pruning.common import errors
from object_detection_pruning.inference import masks as masks_lib

_NUMBERS = ('detection_scores', 'detection_classes', 'detection_boxes')


class Detections(NamedTuple):
  """The objects found in one image, the surest first.

  Attributes:
    boxes: float32 [n, 4], (ymin, xmin, ymax, xmax) in pixels.
    class_ids: int64 [n], ids as in the label map, from 1.
    scores: float32 [n], in [0, 1].
    masks: bool [n, height, width] of the whole image, or None where the model
      has no instance masks.
  """

  boxes: np.ndarray
  class_ids: np.ndarray
  scores: np.ndarray
  masks: Optional[np.ndarray]


def from_outputs(
  outputs: Dict[str, np.ndarray],
  height: int,
  width: int,
  min_score: float = 0.0,
  max_detections: Optional[int] = None,
) -> Detections:
  """Turns the outputs of an exported graph for one image into detections.

  Args:
    outputs: by the Object Detection API's output names, without the batch
      dimension: detection_boxes [m, 4] in fractions of the image,
      detection_scores [m], detection_classes [m], num_detections [] and, for a
      model with masks, detection_masks [m, mask_height, mask_width] within the
      boxes.
    height: of the image, in pixels.
    width: of the image, in pixels.
    min_score: detections that score less are left out.
    max_detections: how many of the surest to keep; None keeps all.

  Returns:
    The detections. Masks are made for those that are kept alone.

  Raises:
    InputError: the outputs are no detections.
  """
  count = _check(outputs)
  scores = outputs['detection_scores'][:count]
  surest_first = np.argsort(-scores, kind='stable')
  kept = surest_first[scores[surest_first] >= min_score][:max_detections]
  fractions = np.clip(outputs['detection_boxes'][kept], 0.0, 1.0)
  boxes = fractions * np.array([height, width, height, width], np.float32)
  masks = None
  if 'detection_masks' in outputs:
    masks = masks_lib.paste(
      outputs['detection_masks'][kept], boxes, height, width
    )
  return Detections(
    boxes=boxes,
    class_ids=outputs['detection_classes'][kept].astype(np.int64),
    scores=scores[kept],
    masks=masks,
  )


def _check(outputs: Dict[str, np.ndarray]) -> int:
  """Checks shapes and numbers of outputs; gives the number of detections."""
  most = np.shape(outputs['detection_scores'])[:1]
  for name, shape in (
    ('detection_scores', most),
    ('detection_classes', most),
    ('detection_boxes', most + (4,)),
    ('detection_masks', most + (None, None)),
  ):
    found = np.shape(outputs.get(name, 0))
    if name in outputs and (
      not most
      or len(found) != len(shape)
      or any(want not in (None, have) for want, have in zip(shape, found))
    ):
      raise errors.InputError(
        f'the model gives {name} of the shape {list(found)} for an image, and '
        f'{list(most)} detection_scores'
      )
  count = outputs['num_detections']
  if np.shape(count) or not 0 <= count <= most[0]:
    raise errors.InputError(
      f'the model gives {most[0]} detection_scores for an image, and '
      f'num_detections {count}'
    )
  for name in _NUMBERS:
    if np.isnan(outputs[name][: int(count)]).any():
      raise errors.InputError(f'the model gives {name} that are no numbers')
  return int(count)


def to_records(
  detections: Detections, class_names: Dict[int, str]
) -> List[Dict[str, Any]]:
  """Describes detections in types that JSON has.

  Args:
    detections: those of one image.
    class_names: from class id to name.

  Returns:
    For each detection class_id, class_name, score, box ([ymin, xmin, ymax,
    xmax] in pixels) and, where there are masks, mask in COCO's run-length
    encoding ({'size': [height, width], 'counts': text}).
  """
  records = []
  for index, class_id in enumerate(detections.class_ids.tolist()):
    record = {
      'class_id': class_id,
      'class_name': name_of(class_id, class_names),
      'score': round(float(detections.scores[index]), 6),
      'box': [round(edge, 2) for edge in detections.boxes[index].tolist()],
    }
    if detections.masks is not None:
      encoded = coco_mask.encode(
        np.asfortranarray(detections.masks[index], np.uint8)
      )
      record['mask'] = {
        'size': [int(side) for side in encoded['size']],
        'counts': encoded['counts'].decode('ascii'),
      }
    records.append(record)
  return records


def name_of(class_id: int, class_names: Dict[int, str]) -> str:
  """The name of a class, or 'class <id>' for one without a name."""
  return class_names.get(class_id, f'class {class_id}')
