"""The inference graph of a detector, as the stock builder makes it."""

import collections
from typing import Dict, List, NamedTuple, Optional, Sequence, Set

import tensorflow.compat.v1 as tf
from object_detection.builders import model_builder
from object_detection.core import standard_fields
from object_detection.protos import pipeline_pb2
from object_detection.utils import config_util

from object_detection_pruning.builders import pipeline, stack_checks
from object_detection_pruning.common import errors
from object_detection_pruning.core import widths

# What the stock exporter gives out beside features; other entries of a
# postprocessed dictionary are inner tensors that nobody sees.
_OUTPUTS = tuple(
  getattr(standard_fields.DetectionResultFields, name)
  for name in (
    'detection_boxes',
    'detection_scores',
    'detection_classes',
    'detection_masks',
    'detection_keypoints',
    'num_detections',
  )
)
# Not in every version of the stock fields.
_FEATURES = ('detection_features',)


class InferenceGraph(NamedTuple):
  """An inference graph with variables in it.

  Attributes:
    graph: the graph.
    image: placeholder, float32 [1, height, width, 3].
    outputs: the detections.
    predictions: raw predictions that the detections are made of.
    features: features of the detections, where the exporter gives them out;
      much work that few ask for.
  """

  graph: tf.Graph
  image: tf.Tensor
  outputs: List[tf.Tensor]
  predictions: List[tf.Tensor]
  features: Sequence[tf.Tensor] = ()

  @property
  def exported(self) -> List[tf.Tensor]:
    """All that the exporter gives out; the rest is no part of the model."""
    return list(self.outputs) + list(self.features)

  def op_counts(self) -> Dict[str, int]:
    """Counts the ops of the model, by type."""
    ops = ancestors(self.exported)
    return dict(collections.Counter(op.type for op in ops))


def ancestors(tensors: Sequence[tf.Tensor]) -> Set[tf.Operation]:
  """Gives all ops that tensors depend on, those that make them included."""
  found = set()
  waiting = [tensor.op for tensor in tensors]
  while waiting:
    op = waiting.pop()
    if op not in found:
      found.add(op)
      waiting.extend(tensor.op for tensor in op.inputs)
  return found


def build(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  layer_widths: Optional[List[widths.LayerWidth]] = None,
  picture_size: Optional[Sequence[int]] = None,
) -> InferenceGraph:
  """Builds a detector for inference in a graph of its own.

  Args:
    config: pipeline config; masks are left out.
    layer_widths: widths of a narrow network; None for those of the config.
    picture_size: height and width of the image before it is resized; None for
      what `image_size` gives.

  Returns:
    The graph, for one image.
  """
  if layer_widths is None:
    layer_widths = widths.from_message(pipeline.pruning_message(config))
  stack_checks.check(config)
  model_config = pipeline.as_stock(config).model
  with tf.Graph().as_default() as graph:
    size = list(picture_size or image_size(config))
    image = tf.placeholder(tf.float32, [1] + size + [3], name='image')
    with widths.width_scope(layer_widths):
      model = model_builder.build(model_config, is_training=False)
      inputs, shapes = model.preprocess(image)
      predicted = model.predict(inputs, shapes)
      detections = model.postprocess(predicted, shapes)
  outputs = [detections[name] for name in _OUTPUTS if name in detections]
  raw = [
    tensor
    for name, tensor in sorted(predicted.items())
    if isinstance(tensor, tf.Tensor) and tensor.dtype.is_floating
    if 'encodings' in name or 'predictions' in name
  ]
  features = [detections[name] for name in _FEATURES if name in detections]
  return InferenceGraph(graph, image, outputs, raw, features)


def image_size(config: pipeline_pb2.TrainEvalPipelineConfig) -> List[int]:
  """Gives [height, width] of the images that a detector works on."""
  resizer = config_util.get_image_resizer_config(config.model)
  kind = resizer.WhichOneof('image_resizer_oneof')
  if kind == 'fixed_shape_resizer':
    return [
      resizer.fixed_shape_resizer.height,
      resizer.fixed_shape_resizer.width,
    ]
  if kind == 'keep_aspect_ratio_resizer':
    return [resizer.keep_aspect_ratio_resizer.min_dimension] * 2
  raise errors.InputError(
    'image_resizer must be a fixed_shape_resizer or a '
    f'keep_aspect_ratio_resizer, got {kind}'
  )
