"""A dense detector within a training graph, to learn from.

The teacher is built from its config as a graph of its own, its variables become
constants, and the graph is imported beside the student with the student's
images in place of its own. What is large of it is held as `held_weights` says.
So nothing of it is trained, and none of its weights are saved with the student.
"""

import os
from typing import Any, Dict, NamedTuple, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import surviving
from object_detection_pruning.common import checkpoints, errors, finite
from object_detection_pruning.core import moving_averages, widths
from object_detection_pruning.export import stripping
from object_detection_pruning.graphs import (
  freezing,
  graph_files,
  graph_index,
  stored_weights,
  subgraphs,
)
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.training import held_weights

# What a detector predicts before any selection of boxes.
SSD_BOXES = 'box_encodings'
SSD_SCORES = 'class_predictions_with_background'
RPN_BOXES = 'rpn_box_encodings'
RPN_SCORES = 'rpn_objectness_predictions_with_background'
SECOND_STAGE_BOXES = 'refined_box_encodings'
SECOND_STAGE_SCORES = SSD_SCORES
# The boxes that a second stage looks at, normalized.
PROPOSALS = 'proposal_boxes_normalized'
# Feature maps are numbered behind this.
FEATURES = 'features/'
# A list in an SSD, one tensor in a two-stage detector.
_FEATURE_MAPS = ('feature_maps', 'rpn_features_to_crop')
_PROPOSE = '_postprocess_rpn'
_FROZEN = '.pb'
_IMAGES = 'images'
_SHAPES = 'true_image_shapes'


class Teacher(NamedTuple):
  """A detector in a form that can be put beside another.

  Attributes:
    graph_def: the detector from preprocessed images on, without variables.
    outputs: names of its tensors, by the name of the prediction; feature maps
      under 'features/0' and so on.
  """

  graph_def: GraphDef
  outputs: Dict[str, str]

  def predict(
    self,
    images: tf.Tensor,
    true_image_shapes: tf.Tensor,
    proposals: Optional[tf.Tensor] = None,
  ) -> Dict[str, tf.Tensor]:
    """Runs the teacher in the current graph.

    Args:
      images: preprocessed images, float32 [batch, height, width, 3].
      true_image_shapes: int32 [batch, 3].
      proposals: normalized boxes [batch, proposals, 4] that the second stage is
        to look at, those of the student; needed by a two-stage detector alone.

    Returns:
      Predictions by name, through which no gradient flows.
    """
    replaced = {_IMAGES + ':0': images, _SHAPES + ':0': true_image_shapes}
    if proposals is not None:
      # Gradients do not go through integers. So nobody looks for their way
      # through the teacher, where they would find loops that are no gradient's.
      bits = tf.bitcast(proposals, tf.int32)
      replaced[PROPOSALS + ':0'] = tf.bitcast(bits, tf.float32)
    # A detector need not look at the shapes of its images.
    nodes = {node.name for node in self.graph_def.node}
    replaced = {
      name: tensor
      for name, tensor in replaced.items()
      if graph_index.node_name(name) in nodes
    }
    graph_def = type(self.graph_def)()
    graph_def.CopyFrom(self.graph_def)
    held = held_weights.place(held_weights.take(graph_def))
    replaced.update({f'{name}:0': tensor for name, tensor in held.items()})
    names = sorted(self.outputs)
    tensors = tf.import_graph_def(
      graph_def,
      replaced,
      return_elements=[self.outputs[name] for name in names],
      name='teacher',
    )
    return {
      name: tf.stop_gradient(tensor) for name, tensor in zip(names, tensors)
    }


def resolve(path: str) -> str:
  """Finds what holds the weights of a teacher.

  Args:
    path: a checkpoint, a folder of checkpoints, or a frozen graph (`.pb`).

  Returns:
    The prefix of the checkpoint, or the path of the graph.

  Raises:
    InputError: there is none.
  """
  if not path.endswith(_FROZEN):
    return checkpoints.resolve(path)
  if not os.path.isfile(path):
    raise errors.InputError(f'no frozen graph at {path!r}')
  return path


def load(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  checkpoint: str,
  image_shape: Sequence[Optional[int]],
  gone: Optional[surviving.Gone] = None,
) -> Teacher:
  """Builds a teacher.

  Args:
    config: pipeline config of the teacher; masks are folded in, and moving
      averages taken where it evaluates them.
    checkpoint: what `resolve` gives.
    image_shape: [height, width, 3] of preprocessed images, None where a side
      is not known.
    gone: channels that its student lacks, and that its feature maps are left
      without.

  Raises:
    InputError: the checkpoint does not fit the config.
  """
  tensors = _tensors(config, checkpoint)
  finite.check(checkpoint, tensors)
  with tf.Graph().as_default() as graph:
    images = tf.placeholder(tf.float32, [None] + list(image_shape), _IMAGES)
    shapes = tf.placeholder(tf.int32, [None, 3], _SHAPES)
    message = pipeline.pruning_message(config)
    with widths.width_scope(widths.from_message(message)):
      model = model_builder.build(
        pipeline.as_stock(config).model, is_training=False
      )
      _look_where_told(model)
      predicted = model.predict(images, shapes)
    _check(graph, tensors, checkpoint)
    chosen = _without(graph, select(predicted), gone or {})
    outputs = {name: tensor.name for name, tensor in chosen.items()}
  ends = sorted({graph_index.node_name(name) for name in outputs.values()})
  graph_def = subgraphs.extract(graph.as_graph_def(), ends)
  freezing.freeze(graph_def, tensors.__getitem__)
  return Teacher(graph_def, outputs)


def select(predicted: Dict[str, tf.Tensor]) -> Dict[str, tf.Tensor]:
  """Picks what a student can learn from out of a dictionary of predictions."""
  found = {
    name: predicted[name]
    for name in (
      SSD_BOXES,
      SSD_SCORES,
      RPN_BOXES,
      RPN_SCORES,
      SECOND_STAGE_BOXES,
    )
    if name in predicted
  }
  for name in _FEATURE_MAPS:
    maps = predicted.get(name, [])
    for number, tensor in enumerate(
      [maps] if isinstance(maps, tf.Tensor) else maps
    ):
      found[f'{FEATURES}{number}'] = tensor
  return found


def _tensors(
  config: pipeline_pb2.TrainEvalPipelineConfig, path: str
) -> Dict[str, np.ndarray]:
  """Reads the weights of a teacher by the names that they had in training."""
  if path.endswith(_FROZEN):
    graph_def = graph_files.read(path).graph_def
    weights = {
      node.name: tf.make_ndarray(node.attr['value'].tensor)
      for node in stored_weights.unpack(graph_def).graph_def.node
      if node.op == 'Const' and node.attr['dtype'].type == tf.float32
    }
  else:
    weights = moving_averages.evaluated(
      config, checkpoints.read(path), f'the teacher {path}'
    )
  # Stock tools freeze masks beside their kernels.
  return stripping.strip(weights).tensors


def _check(graph: tf.Graph, tensors: dict, checkpoint: str) -> None:
  for variable in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES):
    name = variable.op.name
    if name not in tensors:
      raise errors.InputError(
        f'{checkpoint} cannot be the teacher: it lacks {name}, which its '
        'config has'
      )
    if tensors[name].shape != tuple(variable.shape.as_list()):
      raise errors.InputError(
        f'{checkpoint} cannot be the teacher: {name} has shape '
        f'{tensors[name].shape} there and {variable.shape} in its config'
      )


def _without(
  graph: tf.Graph, predicted: Dict[str, tf.Tensor], gone: surviving.Gone
) -> Dict[str, tf.Tensor]:
  """Leaves channels out of the feature maps among predictions."""
  maps = [
    tensor for name, tensor in predicted.items() if name.startswith(FEATURES)
  ]
  left = surviving.in_last_axis(graph, maps, gone) if gone else {}
  return {
    name: tf.gather(tensor, left[tensor.name], axis=-1)
    if tensor.name in left
    else tensor
    for name, tensor in predicted.items()
  }


def _look_where_told(model: Any) -> None:
  """Lets a second stage look at boxes from outside, of any number."""
  propose = getattr(model, _PROPOSE, None)
  if propose is None:
    return

  def proposals_from_outside(*args, **kwargs):
    _, *others = propose(*args, **kwargs)
    given = tf.placeholder(tf.float32, [None, None, 4], PROPOSALS)
    return (given, *others)

  setattr(model, _PROPOSE, proposals_from_outside)
