import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import boxes, examples, image_files
from object_detection_pruning.evaluation import accuracy, eval_set
from object_detection_pruning.inference import detector


class Oracle(detector.Detector):
  """Finds what is there, moved by a share of the image's width."""

  def __init__(self, evaluated, shift=0.0, class_shift=0):
    self._examples = list(evaluated.read())
    self._shift = shift
    self._class_shift = class_shift

  def run(self, image):
    (example,) = [
      each
      for each in self._examples
      if each.image.shape == image.shape and (each.image == image).all()
    ]
    sides = np.array(image.shape[:2] * 2, np.float32)
    boxes = example.boxes / sides + np.float32([0, self._shift] * 2)
    return {
      'num_detections': np.float32(len(boxes)),
      'detection_boxes': boxes,
      'detection_scores': np.linspace(1, 0.9, len(boxes), dtype=np.float32),
      'detection_classes': np.float32(example.class_ids + self._class_shift),
    }


@pytest.fixture
def evaluated(data):
  return eval_set.load([data.val_record], data.label_map)


def test_finding_everything_scores_one(evaluated):
  found = accuracy.evaluate(Oracle(evaluated), evaluated)
  assert found.ap == pytest.approx(1)
  assert found.ap50 == pytest.approx(1)
  assert found.mask_ap is None
  assert found.num_images == len(list(evaluated.read()))


def test_boxes_beside_the_objects_score_nothing(evaluated):
  assert accuracy.evaluate(Oracle(evaluated, shift=5.0), evaluated).ap50 == 0


def test_images_of_all_files_are_evaluated_once(data):
  evaluated = eval_set.load(
    [data.train_record, data.val_record], data.label_map
  )
  found = accuracy.evaluate(Oracle(evaluated), evaluated)
  assert found.num_images == 8 + 2
  assert found.ap == pytest.approx(1)


def test_limit_is_the_number_of_images(data):
  evaluated = eval_set.load([data.val_record], data.label_map, limit=1)
  found = accuracy.evaluate(Oracle(evaluated), evaluated)
  assert found.num_images == 1


def test_class_beyond_the_label_map_is_no_wrong_detection_but_an_error(
  evaluated,
):
  oracle = Oracle(evaluated, class_shift=4)
  with pytest.raises(
    errors.InputError, match='^dense finds class [5-8], and .* ids up to 4$'
  ):
    accuracy.evaluate(oracle, evaluated, 'dense')


SIZE = 40


class Remembering(detector.Detector):
  """Finds the same in every image of a colour, the masks filling the boxes."""

  def __init__(self, found):
    self._found = found

  def run(self, image):
    score, *corners = zip(*self._found[image[0, 0, 0]])
    return {
      'num_detections': np.float32(len(score)),
      'detection_boxes': np.float32(corners).T / SIZE,
      'detection_scores': np.float32(score),
      'detection_classes': np.ones(len(score), np.float32),
      'detection_masks': np.ones((len(score), 2, 2), np.float32),
    }


def _evaluated(data, path, images, include_masks=True):
  """Writes an image of each colour, with objects that fill their boxes."""
  with tf.io.TFRecordWriter(str(path)) as writer:
    for color, instances in images.items():
      pixels = np.full((SIZE, SIZE, 3), color, np.uint8)
      encoded = image_files.png(Image.fromarray(pixels))
      file = image_files.ImageFile(encoded, 'png', SIZE, SIZE)
      image = examples.AnnotatedImage(file, '', str(color), instances)
      example = examples.to_example(image, include_masks)
      writer.write(example.SerializeToString())
  return eval_set.load([str(path)], data.label_map)


def _object(*corners, is_crowd=False):
  box = boxes.Box(*corners)
  mask = np.zeros((SIZE, SIZE), bool)
  mask[box.ymin : box.ymax, box.xmin : box.xmax] = True
  return examples.Instance(1, 'box', box, mask.sum(), is_crowd, mask=mask)


def test_what_is_found_in_an_image_without_objects_counts(data, tmp_path):
  images = {7: [_object(0, 0, 20, 20)], 9: []}
  finding = Remembering({7: [(0.8, 0, 0, 20, 20)], 9: [(0.9, 0, 0, 20, 20)]})
  evaluated = _evaluated(data, tmp_path / 'a.record', images)
  found = accuracy.evaluate(finding, evaluated)
  assert found.ap == found.mask_ap == pytest.approx(0.5)
  assert found.ap50 == found.mask_ap50 == pytest.approx(0.5)
  without = _evaluated(data, tmp_path / 'b.record', images, include_masks=False)
  assert accuracy.evaluate(finding, without).mask_ap is None


def test_what_lies_in_a_crowd_is_neither_missed_nor_wrong(data, tmp_path):
  crowd = _object(20, 0, 40, 40, is_crowd=True)
  evaluated = _evaluated(
    data, tmp_path / 'a.record', {7: [_object(0, 0, 20, 20), crowd]}
  )
  inside, near = (0.9, 22, 2, 32, 12), (0.8, 0, 0, 20, 20)
  found = accuracy.evaluate(Remembering({7: [inside, near]}), evaluated)
  assert found.ap == found.mask_ap == pytest.approx(1)
  # Half of it is outside.
  across = (0.9, 15, 22, 25, 32)
  found = accuracy.evaluate(Remembering({7: [across, near]}), evaluated)
  assert found.ap50 == found.mask_ap50 == pytest.approx(1)
  assert found.ap == found.mask_ap == pytest.approx(0.55)
