"""Detectors of full size of `benchmarks/detectors`: configs and images."""

import io

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from object_detection.builders import image_resizer_builder
from PIL import Image


def test_full_configs_have_the_sizes_of_the_stock_ones(module, data):
  full, images = module('full_configs'), module('wide_images')
  for entry in module('worker').entries():
    config = full.pipeline(entry, data)
    assert config.IsInitialized()
    assert entry.extractor in str(config.model)
    detector = getattr(config.model, config.model.WhichOneof('model'))
    assert detector.num_classes == 90
    resize = image_resizer_builder.build(detector.image_resizer)
    wide = tf.zeros([images.HEIGHT, images.WIDTH, 3])
    assert tuple(resize(wide)[0].shape[:2]) == full.image_size(entry)
    if entry.is_ssd:
      assert detector.feature_extractor.depth_multiplier == 1.0


@pytest.mark.parametrize(
  'extractor, head, size',
  [
    ('ssd_mobilenet_v2', '', '300 x 300'),
    ('ssd_mobilenet_v1_ppn', '', '300 x 300'),
    ('ssd_pnasnet', '', '300 x 300'),
    ('ssd_resnet50_v1_fpn', '', '640 x 640'),
    ('ssd_mobilenet_v2_mnasfpn', '', '320 x 320'),
    ('ssd_mobilenet_v3_small', '', '320 x 320'),
    ('embedded_ssd_mobilenet_v1', '', '256 x 256'),
    ('faster_rcnn_resnet50', 'rfcn', '600 x 1024'),
    ('faster_rcnn_inception_v2', 'mask', '800 x 1365'),
    ('faster_rcnn_nas', '', '1200 x 1200'),
  ],
)
def test_image_sizes(module, extractor, head, size):
  entry = module('configs').Entry('', '', extractor, head)
  assert str(module('full_configs').image_size(entry)) == size


def test_a_wide_record_has_the_objects_of_the_square_one(module, tmp_path):
  wide = module('wide_images')
  path = detectors.make_data(tmp_path).train_record
  before = [
    tf.train.Example.FromString(each)
    for each in tf.python_io.tf_record_iterator(path)
  ]
  wide.widen_record(path)
  after = [
    tf.train.Example.FromString(each)
    for each in tf.python_io.tf_record_iterator(path)
  ]
  assert len(after) == len(before) > 0
  for one, two in zip(before, after):
    assert two == wide.widened(one)
    one, two = one.features.feature, two.features.feature
    changed = {name for name in one if one[name] != two[name]}
    assert changed == {
      'image/encoded',
      'image/height',
      'image/width',
      'image/object/mask',
    }
    images, wide_images = (
      [
        np.array(Image.open(io.BytesIO(value)))
        for name in ('image/encoded', 'image/object/mask')
        for value in each[name].bytes_list.value
      ]
      for each in (one, two)
    )
    assert len(images) == len(wide_images) > 1
    assert {each.shape[:2] for each in wide_images} == {(300, 512)}
    for mask, stretched in zip(images[1:], wide_images[1:]):
      assert np.unique(stretched).tolist() == np.unique(mask).tolist()
      assert np.mean(stretched > 0) == pytest.approx(
        np.mean(mask > 0), abs=0.01
      )
