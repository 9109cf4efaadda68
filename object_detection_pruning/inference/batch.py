"""Runs a detector over image files; writes pictures and one JSON."""

import json
import os
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from object_detection_pruning.common import (
  atomic_files,
  errors,
  paths,
  pictures,
  progress,
)
from object_detection_pruning.dataset_tools import label_maps
from object_detection_pruning.inference import detections as detections_lib
from object_detection_pruning.inference import drawing, image_files
from object_detection_pruning.inference.detector import Detector

REPORT_NAME = 'detections.json'


class Summary(NamedTuple):
  """What a run over image files came to.

  Attributes:
    images: how many were read and written.
    unreadable: how many could not be read.
    detections: how many objects were found in all.
    report: path of the JSON file.
  """

  images: int
  unreadable: int
  detections: int
  report: str


def check(
  image_paths: List[str],
  output_dir: str,
  min_score: float,
  max_detections: Optional[int],
) -> None:
  """Refuses arguments of `run` that cannot work.

  Raises:
    errors.InputError: a number is out of its range, the output folder is a
      file, or a picture would replace one of the images.
  """
  if not 0 <= min_score <= 1:
    raise errors.InputError(f'min_score must be in [0, 1], got {min_score}')
  if max_detections is not None and max_detections < 1:
    raise errors.InputError(
      f'max_detections must be at least 1, got {max_detections}'
    )
  paths.folder_to_write('output_dir', output_dir)
  images = {os.path.realpath(path) for path in image_paths}
  for name in image_files.picture_names(image_paths):
    picture = os.path.join(output_dir, name)
    if os.path.realpath(picture) in images:
      raise errors.InputError(
        f'{picture} is one of the images: choose another output_dir'
      )


def run(
  detector: Detector,
  image_paths: List[str],
  output_dir: str,
  class_names: Dict[int, str],
  min_score: float = 0.5,
  max_detections: Optional[int] = None,
) -> Summary:
  """Detects objects in image files.

  Writes a picture with the detections drawn in for each image, and
  `detections.json`: a list with file, picture, width, height and detections
  (see `detections.to_records`) of each. Writes nothing where it fails or is
  stopped. What cannot be read is told on stderr.

  Args:
    detector: a loaded detector.
    image_paths: image files.
    output_dir: folder to write to; it is made where it is missing.
    class_names: by id; none numbers all, as ids are that are left out of it.
    min_score: detections that score less are left out.
    max_detections: how many of the surest to keep in an image; None keeps all.

  Returns:
    The counts.

  Raises:
    errors.InputError: no image can be read, a class is beyond those that have
      names, or as in `check`.
  """
  check(image_paths, output_dir, min_score, max_detections)
  names = image_files.picture_names(image_paths)
  records = []
  turned = 0
  with atomic_files.writing_into(output_dir, last=REPORT_NAME) as folder:
    for path, name in progress.over(list(zip(image_paths, names)), 'detecting'):
      image, is_turned = _read(path)
      if image is None:
        continue
      turned += is_turned
      found = detector.detect(image, min_score, max_detections)
      _check_reached(found, class_names, path)
      _save(drawing.draw(image, found, class_names), os.path.join(folder, name))
      described = detections_lib.to_records(found, class_names)
      records.append(dict(_describe(path, name, image), detections=described))
    if not records:
      raise errors.InputError(
        f'none of the {len(image_paths)} images can be read'
      )
    _write_report(records, os.path.join(folder, REPORT_NAME))
  pictures.say_turned(turned)
  return Summary(
    images=len(records),
    unreadable=len(image_paths) - len(records),
    detections=sum(len(record['detections']) for record in records),
    report=os.path.join(output_dir, REPORT_NAME),
  )


def _check_reached(
  found: detections_lib.Detections, class_names: Dict[int, str], path: str
) -> None:
  if not class_names:
    return
  foreign = label_maps.first_foreign(found.class_ids.tolist(), class_names)
  if foreign is not None:
    raise errors.InputError(
      f'the label map is not that of the model: in {path} it finds class '
      f'{foreign}, and the map has ids up to {max(class_names)}'
    )


def _describe(path: str, picture: str, image: np.ndarray) -> Dict[str, Any]:
  height, width = image.shape[:2]
  return {'file': path, 'picture': picture, 'width': width, 'height': height}


def _read(path: str) -> Tuple[Optional[np.ndarray], bool]:
  """An image and whether it was turned; or None, and why on stderr."""
  try:
    return image_files.read_picture(path)
  except errors.InputError as error:
    tqdm.write(f'{error}; skipped', file=sys.stderr)
    return None, False


def _write_report(records: List[Dict[str, Any]], path: str) -> None:
  with open(path, 'w') as file:
    json.dump(records, file, indent=1)


def _save(picture: np.ndarray, path: str) -> None:
  # Thin coloured lines blur where colours have half the resolution.
  Image.fromarray(picture).save(path, format='JPEG', quality=92, subsampling=0)
