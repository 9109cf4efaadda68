import functools
import re

import detectors
import processes
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from object_detection.builders import model_builder
from object_detection.protos import model_pb2

from object_detection_pruning.common import errors, stacks
from object_detection_pruning.core import kernels, masking
from object_detection_pruning.models import registry

LOSSES = tf.GraphKeys.REGULARIZATION_LOSSES


def parse(text):
  return detectors.config(text).model


def test_config_changes_in_one_line():
  for stock, masked in (
    (detectors.ssd(), detectors.ssd(masked=True)),
    (detectors.faster_rcnn(), detectors.faster_rcnn(masked=True)),
  ):
    pairs = zip(stock.splitlines(), masked.splitlines())
    ((before, after),) = [pair for pair in pairs if pair[0] != pair[1]]
    kind = re.search('type: "(.*?)"', after).group(1)
    assert registry.STOCK_TYPES[kind] in before


@functools.lru_cache(maxsize=None)
def build(model, include=(), is_training=False):
  """Builds a detector in a graph of its own.

  Returns:
    masked layers, all dense kernels, names of regularization losses, variables
    without masks.
  """
  with tf.Graph().as_default():
    with masking.masking_scope(include):
      detectors.predict(detectors.config(model), is_training)
    variables = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
    return (
      [kernel.weights.op.name for kernel in masking.masked_kernels()],
      [
        name
        for name, shape in variables.items()
        if kernels.kind_of(name, len(shape)) == kernels.DENSE
      ],
      [loss.op.name for loss in tf.get_collection(LOSSES)],
      {
        name: shape
        for name, shape in variables.items()
        if not kernels.is_pruning_variable(name, set(variables))
      },
    )


@pytest.mark.parametrize(
  'model_of, kwargs, masks',
  [
    (detectors.ssd, {}, 22),
    (detectors.faster_rcnn, {'instance_masks': True}, 69),
  ],
  ids=['ssd', 'mask_rcnn'],
)
def test_masked_extractor_is_all_masked_and_nothing_else(
  model_of, kwargs, masks
):
  stock = build(model_of(**kwargs), is_training=True)
  ours = build(model_of(masked=True, **kwargs), is_training=True)
  assert stock[0] == []
  assert ours[2:] == stock[2:]
  extractor = [name for name in stock[1] if re.search('FeatureExtractor', name)]
  assert ours[0] == extractor
  assert len(ours[0]) == masks


@pytest.mark.parametrize(
  'model, masks',
  [
    (detectors.ssd(), 34),
    (detectors.ssd('ssd_mobilenet_v2'), 55),
    (detectors.ssd('ssd_resnet50_v1_fpn', depth=1.0), 70),
    (detectors.faster_rcnn('faster_rcnn_resnet50'), 68),
    (detectors.faster_rcnn(instance_masks=True), 76),
    (detectors.faster_rcnn(masked=True, instance_masks=True), 76),
  ],
  ids=['ssd_v1', 'ssd_v2', 'fpn', 'resnet', 'mask_rcnn', 'masked_mask_rcnn'],
)
def test_whole_detector_is_masked_once_where_everything_is_included(
  model, masks
):
  stock_model = model.replace('_masked', '')
  stock = build(stock_model)
  ours = build(model, include=('',))
  assert sorted(ours[0]) == sorted(stock[1])
  assert len(ours[0]) == masks
  # Shared heads are built several times and regularized once.
  assert ours[2:] == stock[2:]


def test_registering_again_changes_nothing():
  before = (
    dict(model_builder.FASTER_RCNN_FEATURE_EXTRACTOR_CLASS_MAP),
    dict(model_builder.SSD_FEATURE_EXTRACTOR_CLASS_MAP),
  )
  registry.register()
  assert before == (
    model_builder.FASTER_RCNN_FEATURE_EXTRACTOR_CLASS_MAP,
    model_builder.SSD_FEATURE_EXTRACTOR_CLASS_MAP,
  )


@pytest.mark.parametrize(
  'masked_model, stock_model',
  [
    (detectors.ssd(masked=True), detectors.ssd()),
    (detectors.faster_rcnn(masked=True), detectors.faster_rcnn()),
  ],
)
def test_as_stock_changes_nothing_but_the_type(masked_model, stock_model):
  masked_model, stock_model = parse(masked_model), parse(stock_model)
  before = text_format.MessageToString(masked_model)
  assert registry.is_masked(masked_model)
  assert not registry.is_masked(stock_model)
  assert registry.as_stock(masked_model) == stock_model
  assert registry.as_stock(stock_model) == stock_model
  assert text_format.MessageToString(masked_model) == before


def test_config_without_a_model_is_an_error():
  with pytest.raises(errors.InputError, match='has no model'):
    registry.is_masked(model_pb2.DetectionModel())


BUILDER = 'object_detection.builders.model_builder'


@pytest.mark.parametrize(
  'first',
  [
    pytest.param(
      BUILDER,
      marks=pytest.mark.skipif(
        stacks.current() == stacks.MODERN,
        reason='before this library, TensorFlow 2 does not behave as 1',
      ),
    ),
    'object_detection_pruning.models.registry',
    'object_detection',
  ],
)
def test_extractors_are_registered_whatever_is_imported_first(first):
  result = processes.python(
    '-c',
    f'import {first}, object_detection_pruning\n'
    f'from {BUILDER} import SSD_FEATURE_EXTRACTOR_CLASS_MAP\n'
    "print('ssd_masked_mobilenet_v1' in SSD_FEATURE_EXTRACTOR_CLASS_MAP)",
  )
  assert result.stdout.split() == ['True'], result.stderr


def test_library_alone_does_not_import_the_model_builder():
  result = processes.python(
    '-c',
    f"import sys, object_detection_pruning\nprint('{BUILDER}' in sys.modules)",
  )
  assert result.stdout.split() == ['False'], result.stderr
