"""Masked feature extractors, made known to the stock model builder."""

from typing import Optional

import tensorflow.compat.v1 as tf
from object_detection.builders import model_builder
from object_detection.protos import model_pb2

from object_detection_pruning.common import errors, faults
from object_detection_pruning.models import (
  faster_rcnn_masked_inception_v2_feature_extractor as faster_rcnn_inception,
)
from object_detection_pruning.models import (
  ssd_masked_mobilenet_v1_feature_extractor as ssd_mobilenet,
)

# Masked feature extractor type -> the stock type with the same variables.
STOCK_TYPES = {
  'faster_rcnn_masked_inception_v2': 'faster_rcnn_inception_v2',
  'ssd_masked_mobilenet_v1': 'ssd_mobilenet_v1',
}


def register() -> None:
  """Lets a pipeline config name the masked extractors; may be repeated."""
  model_builder.FASTER_RCNN_FEATURE_EXTRACTOR_CLASS_MAP[
    'faster_rcnn_masked_inception_v2'
  ] = faster_rcnn_inception.FasterRCNNMaskedInceptionV2FeatureExtractor
  model_builder.SSD_FEATURE_EXTRACTOR_CLASS_MAP['ssd_masked_mobilenet_v1'] = (
    ssd_mobilenet.SSDMaskedMobileNetV1FeatureExtractor
  )


def feature_extractor_type(model: model_pb2.DetectionModel) -> str:
  """Gives the feature extractor type that a model config names."""
  return _architecture(model).feature_extractor.type


def check_known(model: model_pb2.DetectionModel) -> None:
  """Checks that the stock model builder knows the feature extractor.

  Args:
    model: a model config; one that is no SSD and no Faster R-CNN passes.

  Raises:
    InputError: the type of its feature extractor is not registered.
  """
  architecture = model.WhichOneof('model')
  if architecture not in ('ssd', 'faster_rcnn'):
    return
  # Keras extractors have class maps of their own, newer sources more of them.
  known = {
    name
    for class_map in dir(model_builder)
    if class_map.startswith(architecture.upper())
    and class_map.endswith('FEATURE_EXTRACTOR_CLASS_MAP')
    for name in getattr(model_builder, class_map)
  }
  name = feature_extractor_type(model)
  if name not in known:
    raise errors.InputError(
      f'feature extractor {name!r} is not known; {architecture} has '
      + ', '.join(sorted(known))
    )


def check_builds(model: model_pb2.DetectionModel) -> None:
  """Checks that the stock model builder can make a model.

  What only shows when the network itself is built is not found.

  Args:
    model: a model config.

  Raises:
    InputError: it cannot; the line has the reason of the stock code.
  """
  if model.WhichOneof('model') is None:
    return
  with tf.Graph().as_default():
    try:
      model_builder.build(model, is_training=False)
    except errors.InputError:
      raise
    except ValueError as error:
      raise errors.InputError(
        'the model of the pipeline config cannot be built: '
        + faults.first_line(error)
      )


def is_masked(model: model_pb2.DetectionModel) -> bool:
  """Tells whether a model config names a masked feature extractor."""
  return feature_extractor_type(model) in STOCK_TYPES


def as_stock(model: model_pb2.DetectionModel) -> model_pb2.DetectionModel:
  """Copies a model config, with the stock feature extractor in its place."""
  stock = model_pb2.DetectionModel()
  stock.CopyFrom(model)
  extractor = _architecture(stock).feature_extractor
  extractor.type = STOCK_TYPES.get(extractor.type, extractor.type)
  return stock


def as_masked(model: model_pb2.DetectionModel) -> model_pb2.DetectionModel:
  """Copies a model config, with the masked feature extractor in its place.

  Raises:
    InputError: the feature extractor has no masked one.
  """
  name = feature_extractor_type(model)
  masked_types = {stock: masked for masked, stock in STOCK_TYPES.items()}
  if name not in STOCK_TYPES and name not in masked_types:
    raise errors.InputError(
      f'feature extractor {name!r} has no masked one; those that have are '
      f'{", ".join(sorted(masked_types))}'
    )
  masked = model_pb2.DetectionModel()
  masked.CopyFrom(model)
  _architecture(masked).feature_extractor.type = masked_types.get(name, name)
  return masked


def _architecture(model: model_pb2.DetectionModel):
  name: Optional[str] = model.WhichOneof('model')
  if name is None:
    raise errors.InputError(
      'the pipeline config has no model: '
      'its model {} must hold ssd {} or faster_rcnn {}'
    )
  return getattr(model, name)


register()
