"""The graph of an evaluation: a preprocessed image in, detections out."""

from typing import Dict, List, NamedTuple, Sequence

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection import eval_util
from object_detection import model_lib as stock_model_lib
from object_detection.builders import model_builder
from object_detection.core import standard_fields
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.core import widths
from object_detection_pruning.evaluation import eval_inputs

_Inputs = standard_fields.InputDataFields
_Results = standard_fields.DetectionResultFields
_FEATURES = (
  _Inputs.image,
  _Inputs.true_image_shape,
  _Inputs.original_image_spatial_shape,
)


class EvalGraph(NamedTuple):
  """An evaluation graph with variables in it.

  Attributes:
    graph: the graph.
    inputs: placeholders of the image, its shapes, and of the ground truth
      where there is a loss.
    outputs: boxes [n, 4] in pixels of the original image, scores [n] and
      classes [n] from 1; or the loss alone.
    class_agnostic: whether the detections have no class, as those of a first
      stage alone; all are 1 then.
  """

  graph: tf.Graph
  inputs: Dict[str, tf.Tensor]
  outputs: List[tf.Tensor]
  class_agnostic: bool

  def feeds(self, image: eval_inputs.Image) -> List[np.ndarray]:
    """Gives the values of the inputs for an image, in their order."""
    both = dict(image.features, **image.labels)
    return [both[name] for name in self.inputs]


def build(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  images: Sequence[eval_inputs.Image],
  with_loss: bool = False,
) -> EvalGraph:
  """Builds a detector as the stock evaluation does.

  Args:
    config: pipeline config; masks are left out, widths are not.
    images: what it will be given; sizes that they share are fixed.
    with_loss: whether the output is the loss, without that of regularization,
      instead of the detections.
  """
  layer_widths = widths.from_message(pipeline.pruning_message(config))
  with tf.Graph().as_default() as graph:
    tf.keras.backend.set_learning_phase(False)
    features = {
      name: _placeholder(name, [image.features[name] for image in images])
      for name in _FEATURES
    }
    labels = {}
    if with_loss:
      labels = {
        name: _placeholder(name, [image.labels[name] for image in images])
        for name in images[0].labels
      }
    with widths.width_scope(layer_widths):
      model = model_builder.build(
        pipeline.as_stock(config).model, is_training=False
      )
      if with_loss:
        unstacked = stock_model_lib.unstack_batch(labels)
        stock_model_lib.provide_groundtruth(model, unstacked)
      shapes = features[_Inputs.true_image_shape]
      predicted = model.predict(features[_Inputs.image], shapes)
      class_agnostic = False
      if with_loss:
        outputs = [tf.add_n(list(model.loss(predicted, shapes).values()))]
      else:
        found = model.postprocess(predicted, shapes)
        class_agnostic = _Results.detection_classes not in found
        outputs = _detections(found, features, class_agnostic)
  inputs = dict(features, **labels)
  return EvalGraph(graph, inputs, outputs, class_agnostic)


def _detections(found, features, class_agnostic: bool) -> List[tf.Tensor]:
  result = eval_util.result_dict_for_batched_example(
    features[_Inputs.image],
    tf.constant([0]),
    found,
    class_agnostic=class_agnostic,
    scale_to_absolute=True,
    original_image_spatial_shapes=features[
      _Inputs.original_image_spatial_shape
    ],
    true_image_shapes=features[_Inputs.true_image_shape],
  )
  return [
    result[name][0]
    for name in (
      _Results.detection_boxes,
      _Results.detection_scores,
      _Results.detection_classes,
    )
  ]


def _placeholder(name: str, values: Sequence[np.ndarray]) -> tf.Tensor:
  sizes = zip(*(value.shape for value in values))
  # Some resizers keep an image's proportions.
  shape = [size[0] if len(set(size)) == 1 else None for size in sizes]
  return tf.placeholder(values[0].dtype, shape, name='input/' + name)
