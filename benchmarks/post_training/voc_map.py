"""VOC07 mAP at IoU 0.5 of exported models on a folder of VOC annotations.

  python benchmarks/post_training/voc_map.py --data_dir=VOC \\
    model.pb [model.pb ...]

Objects that are marked as difficult are neither asked for nor punished.
"""

import argparse
import concurrent.futures
import contextlib
import glob
import io
import json
import os
import xml.etree.ElementTree as ET
from typing import Any, Dict, List, NamedTuple

import numpy as np
from object_detection.utils import object_detection_evaluation

from object_detection_pruning.inference import frozen_graph, image_files

# The 20 classes of VOC, in the order of the stock label map.
CLASSES = [
  'aeroplane',
  'bicycle',
  'bird',
  'boat',
  'bottle',
  'bus',
  'car',
  'cat',
  'chair',
  'cow',
  'diningtable',
  'dog',
  'horse',
  'motorbike',
  'person',
  'pottedplant',
  'sheep',
  'sofa',
  'train',
  'tvmonitor',
]


class Truth(NamedTuple):
  """What is in an image.

  Attributes:
    name: of the image.
    path: of its file.
    boxes: [n, 4] in pixels: top, left, bottom, right.
    classes: from 1, [n].
    difficult: bool [n].
  """

  name: str
  path: str
  boxes: np.ndarray
  classes: np.ndarray
  difficult: np.ndarray


def read(folder: str) -> List[Truth]:
  """Reads all annotations of a VOC folder."""
  result = []
  for path in sorted(glob.glob(os.path.join(folder, 'Annotations', '*.xml'))):
    name = os.path.splitext(os.path.basename(path))[0]
    found = list(ET.parse(path).getroot().iter('object'))
    sides = ('ymin', 'xmin', 'ymax', 'xmax')
    result.append(
      Truth(
        name,
        os.path.join(folder, 'JPEGImages', name + '.jpg'),
        np.array(
          [
            [float(o.find('bndbox').find(s).text) for s in sides] for o in found
          ],
          np.float32,
        ).reshape(-1, 4),
        np.array([CLASSES.index(o.findtext('name')) + 1 for o in found], int),
        np.array([o.findtext('difficult') == '1' for o in found], bool),
      )
    )
  return result


def mean_average_precision(model: str, truths: List[Truth]) -> float:
  """Runs a model on the images and scores what it finds."""
  detector = frozen_graph.load(model)
  with concurrent.futures.ThreadPoolExecutor(2) as pool:
    found = list(
      pool.map(lambda t: _detect(detector, image_files.read(t.path)), truths)
    )
  evaluator = object_detection_evaluation.PascalDetectionEvaluator(
    [{'id': i, 'name': name} for i, name in enumerate(CLASSES, 1)]
  )
  for truth, result in zip(truths, found):
    evaluator.add_single_ground_truth_image_info(
      truth.name,
      {
        'groundtruth_boxes': truth.boxes,
        'groundtruth_classes': truth.classes,
        'groundtruth_difficult': truth.difficult,
      },
    )
    evaluator.add_single_detected_image_info(truth.name, result)
  with contextlib.redirect_stderr(io.StringIO()):
    metrics = evaluator.evaluate()
  return float(next(v for name, v in metrics.items() if 'mAP' in name))


def _detect(detector, image: np.ndarray) -> Dict[str, Any]:
  height, width = image.shape[:2]
  raw = detector.run(image)
  count = int(raw['num_detections'])
  size = [height, width, height, width]
  return {
    'detection_boxes': raw['detection_boxes'][:count] * size,
    'detection_scores': raw['detection_scores'][:count],
    'detection_classes': raw['detection_classes'][:count].astype(int),
  }


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--data_dir', required=True)
  parser.add_argument('--output', help='JSON file of mAP by model.')
  parser.add_argument('models', nargs='+')
  arguments = parser.parse_args()
  truths = read(arguments.data_dir)
  scores = {}
  for model in arguments.models:
    scores[model] = mean_average_precision(model, truths)
    print(f'{scores[model]:.4f}  {model}', flush=True)
  if arguments.output:
    with open(arguments.output, 'w') as file:
      json.dump(scores, file, indent=2)


if __name__ == '__main__':
  main()
