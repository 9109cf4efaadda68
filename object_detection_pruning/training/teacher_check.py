"""Whether one detector can teach another: its answers must mean the same."""

from typing import Any, Dict, Tuple

import numpy as np
import tensorflow.compat.v1 as tf
from google.protobuf import message
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import errors

# What gives the numbers of each kind of detector their meaning.
_ALIKE: Dict[str, Tuple[str, ...]] = {
  'ssd': (
    'num_classes',
    'image_resizer',
    'box_coder',
    'anchor_generator',
    'add_background_class',
  ),
  'faster_rcnn': (
    'num_classes',
    'image_resizer',
    'first_stage_anchor_generator',
  ),
}
_CLASS_LOSS = 'classification_loss'
_BLACK, _WHITE = 0.0, 255.0
_SIDE = 64


def check(
  teacher: pipeline_pb2.TrainEvalPipelineConfig,
  student: pipeline_pb2.TrainEvalPipelineConfig,
) -> None:
  """Checks what the configs of both say.

  Raises:
    InputError: what the teacher predicts, or the pixels that it wants, mean
      something else than with the student.
  """
  if student.HasField('graph_rewriter'):
    raise errors.InputError(
      'distillation does not go with graph_rewriter: the teacher would be '
      'rounded to 8 bits as well'
    )
  kind, own_kind = (
    each.model.WhichOneof('model') for each in (teacher, student)
  )
  if kind != own_kind or kind not in _ALIKE:
    raise errors.InputError(
      'distillation needs a teacher of the kind of the model '
      f'({" or ".join(_ALIKE)}), got {kind} for {own_kind}'
    )
  models = [getattr(each.model, kind) for each in (teacher, student)]
  for name in _ALIKE[kind]:
    _compare(name, *(getattr(each, name) for each in models))
  if kind == 'faster_rcnn':
    name = 'first_stage_features_stride'
    _compare(name, *(getattr(each.feature_extractor, name) for each in models))
  if any(_fields(each).get('context_config') for each in models):
    raise errors.InputError(
      'distillation does not go with context_config: the teacher would lack '
      'the features of other images'
    )
  _compare(_CLASS_LOSS, *(class_loss(each) for each in (teacher, student)))
  types = [pipeline.as_stock(each).model for each in (teacher, student)]
  extractors = [getattr(each, kind).feature_extractor.type for each in types]
  if extractors[0] != extractors[1]:
    _check_pixels(types, extractors)


def class_loss(config: pipeline_pb2.TrainEvalPipelineConfig) -> str:
  """Says what makes scores of class predictions: sigmoid or softmax."""
  model = config.model
  if model.WhichOneof('model') == 'ssd':
    loss = model.ssd.loss.classification_loss
  else:
    loss = model.faster_rcnn.second_stage_classification_loss
  name = loss.WhichOneof('classification_loss') or ''
  return 'sigmoid' if 'sigmoid' in name else 'softmax'


def num_classes(config: pipeline_pb2.TrainEvalPipelineConfig) -> int:
  """Gives the number of classes, the background left out."""
  kind = config.model.WhichOneof('model')
  return getattr(config.model, kind).num_classes


def _fields(value: Any) -> Any:
  """Gives a message as a dictionary, with what it leaves to its defaults."""
  if not isinstance(value, message.Message):
    return value
  found = {}
  for field in value.DESCRIPTOR.fields:
    name = field.name
    if field.label == field.LABEL_REPEATED:
      found[name] = [_fields(each) for each in getattr(value, name)]
    elif field.message_type is None:
      found[name] = getattr(value, name)
    elif value.HasField(name):
      found[name] = _fields(getattr(value, name))
  return found


def _compare(name: str, taught: Any, own: Any) -> None:
  if _fields(taught) != _fields(own):
    raise errors.InputError(
      f'distillation needs a teacher with the {name} of the model, got '
      f'{_one_line(taught)} for {_one_line(own)}'
    )


def _check_pixels(models: Any, extractors: Any) -> None:
  """The teacher is fed what was preprocessed for the student."""
  taught, own = (_pixels(each) for each in models)
  if not np.allclose(taught, own, atol=1e-3):
    raise errors.InputError(
      'distillation needs a teacher whose feature extractor scales pixels as '
      f'that of the model does, got {extractors[0]} for {extractors[1]}: white '
      f'is {_one_line(taught[1])} for the first and {_one_line(own[1])} for '
      'the second'
    )


def _pixels(model: Any) -> np.ndarray:
  """Gives black and white as a feature extractor takes them, [2, 3]."""
  with tf.Graph().as_default(), tf.Session() as session:
    built = model_builder.build(model, is_training=False)
    shape = [1, _SIDE, _SIDE, 3]
    made = [
      built.preprocess(tf.fill(shape, value))[0][0, 0, 0]
      for value in (_BLACK, _WHITE)
    ]
    return np.stack(session.run(made))


def _one_line(value: Any) -> str:
  return ' '.join(str(value).split()) or 'none'
