import hashlib

import numpy as np
import tensorflow.compat.v1 as tf
from PIL import Image

from object_detection_pruning.dataset_tools import (
  boxes,
  examples,
  image_files,
)


def _image(*instances):
  pixels = np.zeros((40, 50, 3), np.uint8)
  encoded = image_files.png(Image.fromarray(pixels))
  file = image_files.ImageFile(encoded, 'png', 40, 50)
  return examples.AnnotatedImage(file, 'é.png', '42', list(instances))


def _save(path, image, include_masks):
  with tf.io.TFRecordWriter(str(path)) as writer:
    example = examples.to_example(image, include_masks)
    writer.write(example.SerializeToString())


def test_the_stock_decoder_reads_every_field(tmp_path, decode):
  mask = np.zeros((40, 50), bool)
  mask[5:9, 10:20] = True
  image = _image(
    examples.Instance(
      label=2,
      name='dog',
      box=boxes.Box(ymin=4, xmin=10, ymax=20, xmax=25),
      area=40,
      is_crowd=True,
      mask=mask,
    ),
    examples.Instance(
      label=5,
      name='cat',
      box=boxes.Box(0, 0, 40, 50),
      area=2000,
      difficult=True,
      mask=~mask,
    ),
  )
  _save(tmp_path / 'x.record', image, include_masks=True)
  (decoded,) = decode(tmp_path / 'x.record', masks=True)
  assert decoded['image'].shape == (40, 50, 3)
  assert decoded['source_id'] == b'42'
  assert decoded['filename'].decode() == 'é.png'
  digest = hashlib.sha256(image.file.encoded).hexdigest()
  assert decoded['key'] == digest.encode()
  np.testing.assert_allclose(
    decoded['groundtruth_boxes'], [[0.1, 0.2, 0.5, 0.5], [0, 0, 1, 1]]
  )
  assert decoded['groundtruth_classes'].tolist() == [2, 5]
  assert decoded['groundtruth_area'].tolist() == [40, 2000]
  assert decoded['groundtruth_is_crowd'].tolist() == [True, False]
  assert decoded['groundtruth_difficult'].tolist() == [0, 1]
  np.testing.assert_array_equal(
    decoded['groundtruth_instance_masks'], [mask, ~mask]
  )


def test_an_image_without_objects_is_readable(tmp_path, decode):
  _save(tmp_path / 'x.record', _image(), include_masks=True)
  (decoded,) = decode(tmp_path / 'x.record', masks=True)
  assert decoded['groundtruth_boxes'].shape == (0, 4)
  assert decoded['groundtruth_instance_masks'].shape == (0, 40, 50)
