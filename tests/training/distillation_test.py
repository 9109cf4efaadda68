import detectors
import distilled
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.training import (
  batch_statistics,
  distillation,
  teacher_check,
)


def scalar(name):
  """The value of a summary of the graph."""
  (op,) = [
    op
    for op in tf.get_default_graph().get_operations()
    if op.type == 'ScalarSummary' and op.name == distillation.PREFIX + name
  ]
  return op.inputs[1]


# Trained on fewer boxes than they propose to a second stage otherwise.
FASTER_RCNN, ON_RESNET = (
  detectors.faster_rcnn(extractor).replace(
    'second_stage_batch_size: 8', 'second_stage_batch_size: 3'
  )
  for extractor in ('faster_rcnn_inception_v2', 'faster_rcnn_resnet50')
)
KINDS = {
  'ssd': detectors.ssd(),
  'faster_rcnn': FASTER_RCNN,
  'faster_rcnn_batch_norm': FASTER_RCNN.replace(
    'feature_extractor {', 'feature_extractor { batch_norm_trainable: true'
  ),
  'mask_rcnn': detectors.faster_rcnn(instance_masks=True),
  'rfcn': ON_RESNET.replace(
    detectors.mask_rcnn_predictor(), detectors.RFCN_PREDICTOR
  ),
}


@pytest.mark.parametrize(
  'kind',
  [
    'ssd',
    pytest.param('faster_rcnn', marks=pytest.mark.slow),
    pytest.param('faster_rcnn_batch_norm', marks=pytest.mark.slow),
    pytest.param('mask_rcnn', marks=pytest.mark.slow),
    pytest.param('rfcn', marks=pytest.mark.slow),
  ],
)
def test_the_teacher_is_neither_trained_nor_saved_and_agrees_with_itself(
  kind, data, tmp_path
):
  config = detectors.config(KINDS[kind], data)
  checkpoint = distilled.random_checkpoint(config, tmp_path / 'teacher')
  tensors = checkpoints.read(checkpoint)
  distilled.training_spec(distilled.with_teacher(config, checkpoint), data)
  names = {v.op.name for v in tf.global_variables()}
  assert not any('teacher' in name for name in names)
  assert set(tensors) <= names
  operations = [op.name for op in tf.get_default_graph().get_operations()]
  assert any(name.startswith('teacher/') for name in operations)
  assert not any(name.startswith('gradients/teacher/') for name in operations)
  terms = [scalar(name) for name in ('class', 'box', 'feature')]
  with tf.Session() as session:
    session.run([tf.global_variables_initializer(), tf.tables_initializer()])
    fresh = session.run(terms)
    known = [v for v in tf.global_variables() if v.op.name in tensors]
    session.run(
      [variable.initializer for variable in known],
      {v.initializer.inputs[1]: tensors[v.op.name] for v in known},
    )
    same = session.run(terms)
  assert all(value > 0 for value in fresh)
  # Also where batch norm is trained, which that of an SSD is here.
  np.testing.assert_allclose(same, np.zeros(3), atol=1e-4)


@pytest.mark.parametrize('count, small', [(None, True), (2, True), (16, False)])
def test_a_batch_of_many_images_is_not_small(count, small):
  images = tf.placeholder(
    tf.float32, [count, distilled.SIZE, distilled.SIZE, 3]
  )
  assert batch_statistics.is_small(images) == small


def test_terms_are_part_of_the_loss_that_is_trained(data, teacher):
  config = detectors.config(detectors.ssd(), data)
  spec = distilled.training_spec(
    distilled.with_teacher(
      config, teacher, 'class_weight=0 box_weight=0 feature_weight=3'
    ),
    data,
  )
  (total,) = [
    op
    for op in tf.get_default_graph().get_operations()
    if op.name == 'total_loss'
  ]
  assert spec.loss.op is total
  weighted = scalar('feature')
  assert weighted in list(total.inputs)
  with pytest.raises(ValueError):
    scalar('class')


@pytest.mark.parametrize(
  'fields, line',
  [
    ('class_weight=-1', 'class_weight must be 0 or more, got -1'),
    ('box_weight=nan', 'box_weight must be 0 or more, got nan'),
    ('class_weight=0 box_weight=0 feature_weight=0', 'above 0'),
    ('teacher=/nowhere/model.ckpt', 'no checkpoint'),
    ('teacher_config=/nowhere/x.config', 'no pipeline config'),
  ],
)
def test_bad_settings_are_one_line(fields, line, data, teacher):
  config = detectors.config(detectors.ssd(), data)
  with pytest.raises(errors.InputError, match=line):
    distillation.from_config(distilled.with_teacher(config, teacher, fields))


def test_another_kind_of_teacher_is_refused(data, teacher, tmp_path):
  config = detectors.config(detectors.ssd(), data)
  other = pipeline.save(
    detectors.config(detectors.faster_rcnn(), data), str(tmp_path)
  )
  with pytest.raises(errors.InputError, match='got faster_rcnn for ssd'):
    distillation.from_config(
      distilled.with_teacher(config, teacher, f'teacher_config={other}')
    )


@pytest.mark.parametrize(
  'change, words',
  [
    ('num_classes: 5', 'with the num_classes of the model, got 5 for 4'),
    (
      'box_coder { faster_rcnn_box_coder { x_scale: 3 } }',
      'with the box_coder of the model, got .*x_scale: 3',
    ),
    (
      'anchor_generator { ssd_anchor_generator { num_layers: 5 } }',
      'with the anchor_generator of the model',
    ),
    (
      'loss { classification_loss { weighted_softmax {} } }',
      'with the classification_loss of the model, got softmax for sigmoid',
    ),
    (
      'image_resizer { fixed_shape_resizer { height: 96 width: 64 } }',
      'with the image_resizer of the model',
    ),
    ('feature_extractor { type: "ssd_mobilenet_v2" }', None),
    (
      'image_resizer { fixed_shape_resizer { resize_method: BILINEAR } }',
      None,
    ),
    (
      'feature_extractor { type: "ssd_resnet50_v1_fpn" }',
      'scales pixels as that of the model does, got ssd_resnet50_v1_fpn for '
      r'ssd_mobilenet_v1: white is \[131.* for the first and \[1',
    ),
  ],
)
def test_a_teacher_that_speaks_of_other_things_is_refused(
  change, words, data, teacher, tmp_path
):
  config = detectors.config(detectors.ssd(), data)
  taught = pipeline_pb2.TrainEvalPipelineConfig()
  taught.CopyFrom(config)
  text_format.Merge(f'model {{ ssd {{ {change} }} }}', taught)
  given = distilled.with_teacher(
    config, teacher, f'teacher_config={pipeline.save(taught, str(tmp_path))}'
  )
  if words is None:
    assert distillation.from_config(given).config == taught
    return
  with pytest.raises(errors.InputError, match=words):
    distillation.from_config(given)


def test_a_model_that_is_trained_for_8_bits_has_no_teacher(data, teacher):
  config = distilled.with_teacher(
    detectors.config(detectors.ssd(), data), teacher, ''
  )
  config.graph_rewriter.quantization.delay = 7
  with pytest.raises(errors.InputError, match='not go with graph_rewriter'):
    distillation.from_config(config)


def test_a_teacher_with_feature_maps_of_another_size_is_refused(data):
  student, taught = (
    detectors.config(detectors.faster_rcnn(), data) for _ in range(2)
  )
  extractor = taught.model.faster_rcnn.feature_extractor
  extractor.first_stage_features_stride = 8
  with pytest.raises(errors.InputError, match='_stride of .*, got 8 for 16'):
    teacher_check.check(taught, student)
