import json
import os

import numpy as np
import pytest
from PIL import Image

from object_detection_pruning.common import errors
from object_detection_pruning.inference import batch
from object_detection_pruning.inference.detector import Detector


class FixedDetector(Detector):
  """Finds the same two objects in every image."""

  def run(self, image):
    return {
      'num_detections': np.float32(2),
      'detection_boxes': np.float32([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]]),
      'detection_scores': np.float32([0.9, 0.2]),
      'detection_classes': np.float32([1, 2]),
    }


@pytest.fixture
def images(tmp_path):
  paths = []
  for index, name in enumerate(['one.png', 'two.bmp']):
    paths.append(str(tmp_path / name))
    Image.new('RGB', (500 + index, 450)).save(paths[-1])
  return paths


def test_writes_a_picture_for_each_image_and_one_report(images, tmp_path):
  output = tmp_path / 'new/out'
  summary = batch.run(FixedDetector(), images, str(output), {1: 'cat'})
  assert summary == batch.Summary(2, 0, 2, str(output / 'detections.json'))
  assert sorted(path.name for path in output.iterdir()) == [
    'detections.json',
    'one.jpg',
    'two.jpg',
  ]
  records = json.loads((output / 'detections.json').read_text())
  assert records[1] == {
    'file': images[1],
    'picture': 'two.jpg',
    'width': 501,
    'height': 450,
    'detections': [
      {
        'class_id': 1,
        'class_name': 'cat',
        'score': 0.9,
        'box': [0, 0, 225, 250.5],
      }
    ],
  }
  picture = Image.open(str(output / 'two.jpg'))
  assert picture.size == (501, 450)
  assert max(picture.getpixel((100, 224))) > 200


def test_limits_reach_the_detector(images, tmp_path):
  output = str(tmp_path / 'out')
  run = batch.run
  assert run(FixedDetector(), images, output, {}, 0.1).detections == 4
  assert run(FixedDetector(), images, output, {}, 0.1, 1).detections == 2
  assert run(FixedDetector(), images, output, {}, 1.0).detections == 0


def test_unreadable_image_is_told_and_counted(images, tmp_path, capsys):
  broken = tmp_path / 'broken.png'
  broken.write_text('no image')
  summary = batch.run(
    FixedDetector(), [str(broken)] + images, str(tmp_path / 'out'), {}
  )
  assert (summary.images, summary.unreadable) == (2, 1)
  assert f'{broken} cannot be read' in capsys.readouterr().err


def test_run_without_a_readable_image_fails_and_writes_nothing(tmp_path):
  broken = tmp_path / 'broken.png'
  broken.write_text('no image')
  with pytest.raises(errors.InputError, match='none of the 1 images'):
    batch.run(FixedDetector(), [str(broken)], str(tmp_path / 'out'), {})
  assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('score', [-0.1, 1.1, float('nan')])
def test_min_score_out_of_range_is_named(tmp_path, score):
  with pytest.raises(errors.InputError, match=r'min_score must be in \[0, 1\]'):
    batch.check([], str(tmp_path), score, None)


def test_max_detections_below_one_is_named(tmp_path):
  with pytest.raises(errors.InputError, match='at least 1, got 0'):
    batch.check([], str(tmp_path), 0.5, 0)


def test_output_dir_that_is_a_file_is_named(images):
  with pytest.raises(errors.InputError, match='one.png is a file'):
    batch.check(images, images[0], 0.5, None)


def test_picture_never_replaces_an_image(tmp_path):
  path = tmp_path / 'photo.jpg'
  Image.new('RGB', (9, 9)).save(str(path))
  before = path.read_bytes()
  with pytest.raises(errors.InputError, match='photo.jpg is one of the images'):
    batch.run(FixedDetector(), [str(path)], str(tmp_path), {})
  assert path.read_bytes() == before


def test_label_map_without_a_class_of_the_model_is_refused(images, tmp_path):
  output = tmp_path / 'out'
  with pytest.raises(errors.InputError) as error:
    batch.run(FixedDetector(), images, str(output), {1: 'cat'}, min_score=0.1)
  assert str(error.value) == (
    'the label map is not that of the model: in '
    f'{images[0]} it finds class 2, and the map has ids up to 1'
  )
  assert not output.exists()


def test_class_that_the_label_map_leaves_out_has_a_number(images, tmp_path):
  summary = batch.run(
    FixedDetector(), images, str(tmp_path), {1: 'cat', 3: 'dog'}, min_score=0.1
  )
  with open(summary.report) as file:
    records = json.load(file)
  assert [
    [found['class_name'] for found in each['detections']] for each in records
  ] == [['cat', 'class 2']] * 2


def test_pictures_before_a_class_beyond_the_map_are_removed(images, tmp_path):
  class Later(FixedDetector):
    calls = 0

    def run(self, image):
      self.calls += 1
      classes = np.float32([1, 1] if self.calls == 1 else [1, 2])
      return dict(super().run(image), detection_classes=classes)

  with pytest.raises(errors.InputError, match='finds class 2'):
    batch.run(Later(), images, str(tmp_path / 'out'), {1: 'cat'}, 0.1)
  assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
  'error',
  [
    errors.InputError('no memory is left'),
    OSError(28, 'no memory is left on the disk'),
    KeyboardInterrupt('no memory is left'),
  ],
)
def test_pictures_before_an_image_that_fails_are_removed(
  images, tmp_path, error
):
  class Failing(FixedDetector):
    calls = 0

    def run(self, image):
      self.calls += 1
      if self.calls > 1:
        raise error
      return super().run(image)

  with pytest.raises(type(error), match='no memory is left'):
    batch.run(Failing(), images, str(tmp_path / 'out'), {}, 0.1)
  assert not (tmp_path / 'out').exists()
  # Nor is anything of an earlier run gone.
  out = str(tmp_path / 'out')
  batch.run(FixedDetector(), images[:1], out, {}, 0.1)
  before = (tmp_path / 'out' / 'one.jpg').read_bytes()
  with pytest.raises(type(error)):
    batch.run(Failing(), images, out, {}, 0.5)
  assert (tmp_path / 'out' / 'one.jpg').read_bytes() == before
  assert sorted(os.listdir(out)) == ['detections.json', 'one.jpg']


def test_turned_pictures_are_counted(tmp_path, capsys):
  image = Image.new('RGB', (40, 20))
  exif = image.getexif()
  exif[274] = 8
  image.save(str(tmp_path / 'a.jpg'), exif=exif)
  batch.run(
    FixedDetector(), [str(tmp_path / 'a.jpg')], str(tmp_path / 'out'), {}
  )
  assert '1 picture was turned upright' in capsys.readouterr().err
