"""Knowledge distillation: a masked network learns from the dense one as well.

After Hinton et al. 2015 and, for detectors, Chen et al. 2017. The detector's
own loss stays as it is; terms are added for what the teacher predicts on the
same augmented images.
"""

import functools
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

import tensorflow.compat.v1 as tf
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import surviving
from object_detection_pruning.common import checks, errors
from object_detection_pruning.core import widths
from object_detection_pruning.training import (
  batch_statistics,
  distillation_losses,
  teacher_check,
)
from object_detection_pruning.training import teacher as teachers

PREFIX = 'Loss/distillation/'
# How many of the boxes that a second stage looks at are none of padding.
_PROPOSED = 'num_proposals'
_DROP_ANCHORS = '_remove_invalid_anchors_and_predictions'


class Settings(NamedTuple):
  """Who teaches, and how much what it says counts.

  Attributes:
    config: pipeline config of the teacher.
    checkpoint: prefix of the teacher's checkpoint, or its frozen graph.
    class_weight: of the loss of scores, 0 or more.
    box_weight: of the loss of box encodings, 0 or more.
    feature_weight: of the loss of feature maps, 0 or more.
    gone: channels of the teacher that the model lacks, if that is known.
  """

  config: pipeline_pb2.TrainEvalPipelineConfig
  checkpoint: str
  class_weight: float
  box_weight: float
  feature_weight: float
  gone: Optional[surviving.Gone] = None


class _Head(NamedTuple):
  """What predicts scores and boxes.

  Attributes:
    scores: name of its scores among the predictions.
    boxes: that of its boxes.
    is_sigmoid: whether each score is a sigmoid of its own.
    classes: how many there are, the background left out.
  """

  scores: str
  boxes: str
  is_sigmoid: bool
  classes: int


def from_config(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> Optional[Settings]:
  """Reads the `distillation` message of a config; None where it has none.

  Raises:
    InputError: there is no teacher, it cannot be read or cannot teach the
      model, or a weight is out of range.
  """
  message = pipeline.pruning_message(config)
  if not message.HasField('distillation'):
    return None
  distillation = message.distillation
  if not distillation.teacher:
    raise errors.InputError(
      'distillation.teacher (--teacher) must be a checkpoint or a frozen '
      f'graph, got {distillation.teacher!r}'
    )
  weights = {}
  for name in ('class_weight', 'box_weight', 'feature_weight'):
    weights[name] = getattr(distillation, name)
    checks.not_negative(f'distillation.{name}', weights[name])
  if not any(weights.values()):
    raise errors.InputError(
      'distillation needs a class_weight, box_weight or feature_weight above 0'
    )
  checkpoint = teachers.resolve(distillation.teacher)
  teacher_config = config
  if distillation.teacher_config:
    teacher_config = pipeline.load(distillation.teacher_config)
  teacher_check.check(teacher_config, config)
  gone = _gone(teacher_config, config) if weights['feature_weight'] else None
  return Settings(teacher_config, checkpoint, gone=gone, **weights)


def _gone(
  teacher: pipeline_pb2.TrainEvalPipelineConfig,
  student: pipeline_pb2.TrainEvalPipelineConfig,
) -> Optional[surviving.Gone]:
  """Reads which channels of its teacher a narrow model lacks."""
  taught_widths, own = (
    widths.from_message(pipeline.pruning_message(each))
    for each in (teacher, student)
  )
  start = student.train_config.fine_tune_checkpoint
  if not start or own == taught_widths:
    return None
  return surviving.read_beside(start)


def taught(detection_model_fn: Callable, settings: Settings) -> Callable:
  """Gives a `detection_model_fn` whose models learn from a teacher too.

  Args:
    detection_model_fn: builds a stock detection model; called with keywords
      alone, since the stock library hands on a partial of its builder.
    settings: the teacher and the weights.
  """

  @functools.wraps(detection_model_fn)
  def build(*, is_training, **kwargs):
    model = detection_model_fn(is_training=is_training, **kwargs)
    if is_training:
      _attach(model, settings)
    return model

  return build


def losses(
  student: Dict[str, tf.Tensor],
  teacher: Dict[str, tf.Tensor],
  settings: Settings,
) -> Dict[str, tf.Tensor]:
  """Gives the terms to add to the loss of a detector.

  Args:
    student: predictions by name, as `teacher.select` picks them, and the
      `num_proposals` [batch] of a second stage.
    teacher: what `teacher.select` picks of the teacher.
    settings: the weights.

  Returns:
    Scalars by the name of the loss.

  Raises:
    InputError: the teacher predicts less, or in other shapes.
  """
  sigmoid = teacher_check.class_loss(settings.config) == 'sigmoid'
  num_classes = teacher_check.num_classes(settings.config)
  terms: Dict[str, List[tf.Tensor]] = {'class': [], 'box': [], 'feature': []}
  for head in (
    _Head(teachers.SSD_SCORES, teachers.SSD_BOXES, sigmoid, num_classes),
    _Head(teachers.RPN_SCORES, teachers.RPN_BOXES, False, 1),
    _Head(
      teachers.SECOND_STAGE_SCORES,
      teachers.SECOND_STAGE_BOXES,
      sigmoid,
      num_classes,
    ),
  ):
    # Scores of an SSD and of a second stage have the same name.
    if head.boxes in student:
      for name, value in _head_terms(head, student, teacher).items():
        terms[name].append(value)
  if settings.feature_weight:
    terms['feature'] = _feature_terms(student, teacher)
  weights = {
    'class': settings.class_weight,
    'box': settings.box_weight,
    'feature': settings.feature_weight,
  }
  return {
    PREFIX + name: weights[name] * tf.add_n(values)
    for name, values in terms.items()
    if values and weights[name]
  }


def _head_terms(
  head: _Head, student: Dict[str, tf.Tensor], teacher: Dict[str, tf.Tensor]
) -> Dict[str, tf.Tensor]:
  """Compares the scores and the boxes of a head with those of the teacher."""
  _check_shapes(student, teacher, (head.scores, head.boxes))
  columns = student[head.scores].shape.as_list()[-1]
  logits, taught_logits = (
    tf.reshape(each[head.scores], [-1, columns]) for each in (student, teacher)
  )
  per_row = 1
  if head.boxes == teachers.SECOND_STAGE_BOXES:
    per_row = student[head.boxes].shape.as_list()[1]
  # Four of a box, and two more for each keypoint.
  coordinates = student[head.boxes].shape.as_list()[-1]
  encodings, taught_encodings = (
    tf.reshape(each[head.boxes], [-1, per_row, coordinates])
    for each in (student, teacher)
  )
  if head.boxes == teachers.SECOND_STAGE_BOXES and _PROPOSED in student:
    proposed = student[_PROPOSED]
    most = tf.shape(logits)[0] // tf.size(proposed)
    is_proposal = tf.reshape(tf.sequence_mask(proposed, most), [-1])
    logits, taught_logits, encodings, taught_encodings = (
      tf.boolean_mask(each, is_proposal)
      for each in (logits, taught_logits, encodings, taught_encodings)
    )
  # An SSD may have no column for the background.
  first = int(columns > head.classes)
  target = distillation_losses.scores_of(taught_logits, head.is_sigmoid)
  return {
    'class': distillation_losses.score_loss(
      logits, taught_logits, head.is_sigmoid, first
    ),
    'box': distillation_losses.box_loss(
      encodings, taught_encodings, target[:, first:]
    ),
  }


def _check_shapes(
  student: Dict[str, tf.Tensor],
  teacher: Dict[str, tf.Tensor],
  names: Sequence[str],
) -> None:
  for name in names:
    if name not in teacher:
      raise errors.InputError(
        f'the teacher has no {name}, which the model has: it must have all '
        'stages of the model'
      )
    taught, own = (each[name].shape[1:] for each in (teacher, student))
    if not taught.is_compatible_with(own):
      raise errors.InputError(
        f'the {name} of the teacher have the shape {taught.as_list()}, and '
        f'those of the model {own.as_list()}: both must have the same boxes'
      )


def _feature_terms(
  student: Dict[str, tf.Tensor], teacher: Dict[str, tf.Tensor]
) -> List[tf.Tensor]:
  names = sorted(name for name in student if name.startswith(teachers.FEATURES))
  for name in names:
    channels, own_channels = (
      each[name].shape.as_list()[-1] for each in (teacher, student)
    )
    if channels != own_channels:
      raise errors.InputError(
        f'the teacher has {channels} channels in a feature map that has '
        f'{own_channels} in the model, and no plan.json for this teacher is '
        'beside its fine_tune_checkpoint to say which: set '
        'distillation.feature_weight (--distillation_feature_weight) to 0'
      )
  return [
    distillation_losses.feature_loss(student[name], teacher[name]) / len(names)
    for name in names
  ]


def _attach(model: Any, settings: Settings) -> None:
  """Lets a detection model remember what it predicts, and adds to its loss."""
  predict, loss = model.predict, model.loss
  seen: Dict[str, Any] = {}
  _remember_all_anchors(model, seen)

  def predict_and_remember(images, true_image_shapes, **kwargs):
    seen['images'] = images
    return predict(images, true_image_shapes, **kwargs)

  def loss_with_teacher(predictions, true_image_shapes, *args, **kwargs):
    own = dict(loss(predictions, true_image_shapes, *args, **kwargs))
    images = seen['images']
    teacher = teachers.load(
      settings.config,
      settings.checkpoint,
      images.shape.as_list()[1:],
      settings.gone,
    )
    if batch_statistics.is_small(images):
      batch_statistics.follow(teacher.graph_def, tf.get_default_graph())
    taught = teacher.predict(
      images, true_image_shapes, predictions.get(teachers.PROPOSALS)
    )
    student = teachers.select(dict(predictions, **seen))
    if _PROPOSED in predictions:
      student[_PROPOSED] = predictions[_PROPOSED]
    for name, value in losses(student, taught, settings).items():
      tf.summary.scalar(name, value)
      own[name] = value
    return own

  model.predict, model.loss = predict_and_remember, loss_with_teacher


def _remember_all_anchors(model: Any, seen: Dict[str, Any]) -> None:
  """Remembers what a first stage predicts before anchors are left out.

  In training a two-stage detector drops the anchors that reach out of the
  image, and the teacher, which does not train, keeps them all.
  """
  drop = getattr(model, _DROP_ANCHORS, None)
  if drop is None:
    return

  def remember_and_drop(encodings, scores, *args, **kwargs):
    seen.update({teachers.RPN_BOXES: encodings, teachers.RPN_SCORES: scores})
    return drop(encodings, scores, *args, **kwargs)

  setattr(model, _DROP_ANCHORS, remember_and_drop)
