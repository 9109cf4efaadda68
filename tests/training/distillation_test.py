import averages
import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from object_detection import model_hparams
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2
from object_detection.utils import config_util

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.export import exporter
from object_detection_pruning.training import (
  batch_statistics,
  distillation,
  held_weights,
  model_lib,
  teacher_check,
)
from object_detection_pruning.training import teacher as teachers

SIZE = detectors.IMAGE_SIZE
BOX = [[0.2, 0.2, 0.7, 0.7]]


def features(seed=0):
  images = np.random.RandomState(seed).uniform(-1, 1, [2, SIZE, SIZE, 3])
  return {
    'image': tf.constant(images, tf.float32),
    'true_image_shape': tf.constant([[SIZE, SIZE, 3]] * 2),
    'hash': tf.zeros([2], tf.int32),
  }


def labels():
  return {
    'num_groundtruth_boxes': tf.constant([1, 1]),
    'groundtruth_boxes': tf.constant([BOX] * 2),
    'groundtruth_classes': tf.one_hot([[1]] * 2, detectors.NUM_CLASSES),
    'groundtruth_weights': tf.ones([2, 1]),
  }


def with_teacher(config, checkpoint, fields=''):
  message = pipeline.pruning_message(config).distillation
  message.teacher = str(checkpoint)
  for field in fields.split():
    name, value = field.split('=')
    setattr(message, name, type(getattr(message, name))(value))
  return config


def random_checkpoint(config, path):
  """Writes a checkpoint with fresh weights that is at home in the config."""
  with tf.Graph().as_default():
    tf.set_random_seed(3)
    model = model_builder.build(
      pipeline.as_stock(config).model, is_training=False
    )
    model.predict(tf.zeros([1, SIZE, SIZE, 3]), tf.constant([[SIZE, SIZE, 3]]))
    with tf.Session() as session:
      session.run(tf.global_variables_initializer())
      tensors = session.run({v.op.name: v for v in tf.global_variables()})
  checkpoints.write(str(path), tensors)
  return str(path)


@pytest.fixture(scope='module')
def teacher(data, tmp_path_factory):
  """The checkpoint of an SSD."""
  return random_checkpoint(
    detectors.config(detectors.ssd(), data),
    tmp_path_factory.mktemp('ssd') / 'teacher',
  )


def training_spec(config, data):
  configs = config_util.create_configs_from_pipeline_proto(config)

  def detection_model_fn(is_training, add_summaries):
    return model_builder.build(config.model, is_training, add_summaries)

  creator = model_lib.model_fn_creator(
    model_lib.pruning_builder.build(pipeline.pruning_message(config)),
    tf.estimator.RunConfig(model_dir='/nowhere'),
    20,
    teacher=distillation.from_config(config),
  )
  tf.train.create_global_step()
  model_fn = creator(
    detection_model_fn, configs, model_hparams.create_hparams()
  )
  return model_fn(features(), labels(), tf.estimator.ModeKeys.TRAIN)


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
    pytest.param('rfcn', marks=pytest.mark.slow),
  ],
)
def test_the_teacher_is_neither_trained_nor_saved_and_agrees_with_itself(
  kind, data, tmp_path
):
  config = detectors.config(KINDS[kind], data)
  checkpoint = random_checkpoint(config, tmp_path / 'teacher')
  tensors = checkpoints.read(checkpoint)
  training_spec(with_teacher(config, checkpoint), data)
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


def test_no_weights_of_the_teacher_are_written_with_the_graph(data, teacher):
  config = detectors.config(detectors.ssd(), data)
  size = {}
  for taught in (False, True):
    with tf.Graph().as_default() as graph:
      spec = training_spec(
        with_teacher(config, teacher) if taught else config, data
      )
      written = tf.train.export_meta_graph(graph=graph)
      size[taught] = written.ByteSize()
      large = [
        node.name
        for node in written.graph_def.node
        if node.op == 'Const' and node.ByteSize() > 4096
      ]
      assert not any('teacher' in name for name in large)
      saved = {v.op.name for v in tf.global_variables() + tf.local_variables()}
      assert not any('teacher' in name for name in saved)
      if taught:
        # What a session of an estimator runs at its start, and nothing else.
        scaffold = spec.scaffold or tf.train.Scaffold()
        with tf.train.MonitoredSession(
          tf.train.ChiefSessionCreator(scaffold)
        ) as session:
          assert np.isfinite(session.run(spec.loss))
  weights = sum(array.nbytes for array in checkpoints.read(teacher).values())
  assert size[True] - size[False] < weights / 4


def test_a_frozen_graph_teaches_what_its_checkpoint_does(
  data, teacher, tmp_path
):
  config = detectors.config(detectors.ssd(), data)
  folder, trained = tmp_path / 'export', str(tmp_path / 'trained')
  tensors = dict(checkpoints.read(teacher), global_step=np.int64(7))
  checkpoints.write(trained, tensors)
  exporter.export(config, trained, str(folder))
  frozen = str(folder / exporter.FROZEN_GRAPH)
  given = distillation.from_config(with_teacher(config, frozen))
  shape = [SIZE, SIZE, 3]
  found = teachers.load(given.config, given.checkpoint, shape)
  assert found == teachers.load(config, teacher, shape)
  with pytest.raises(errors.InputError, match='no frozen graph at'):
    distillation.from_config(with_teacher(config, frozen[:-3] + 's.pb'))
  other = tmp_path / 'other.pb'
  with tf.Graph().as_default() as graph:
    tf.constant([1.0], name='image_tensor')
    other.write_bytes(graph.as_graph_def().SerializeToString())
  with pytest.raises(errors.InputError, match='cannot be the teacher: it lac'):
    teachers.load(config, str(other), shape)


def test_a_teacher_predicts_what_its_constants_do(data, teacher, monkeypatch):
  config = detectors.config(detectors.ssd(), data)
  loaded = teachers.load(config, teacher, [SIZE, SIZE, 3])
  images = np.random.RandomState(0).uniform(-1, 1, (2, SIZE, SIZE, 3))
  found = []
  for large in (held_weights._LARGE, 10**9):
    monkeypatch.setattr(held_weights, '_LARGE', large)
    with tf.Graph().as_default() as graph, tf.Session() as session:
      predicted = loaded.predict(
        tf.constant(images, tf.float32), tf.constant([[SIZE, SIZE, 3]] * 2)
      )
      types = [op.type for op in graph.get_operations()]
      assert ('VarHandleOp' in types) == (large < 10**9)
      session.run(tf.tables_initializer())
      found.append(session.run(predicted))
  for name, value in found[0].items():
    np.testing.assert_allclose(value, found[1][name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('count, small', [(None, True), (2, True), (16, False)])
def test_a_batch_of_many_images_is_not_small(count, small):
  images = tf.placeholder(tf.float32, [count, SIZE, SIZE, 3])
  assert batch_statistics.is_small(images) == small


def test_terms_are_part_of_the_loss_that_is_trained(data, teacher):
  config = detectors.config(detectors.ssd(), data)
  spec = training_spec(
    with_teacher(
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
    distillation.from_config(with_teacher(config, teacher, fields))


def test_another_kind_of_teacher_is_refused(data, teacher, tmp_path):
  config = detectors.config(detectors.ssd(), data)
  other = pipeline.save(
    detectors.config(detectors.faster_rcnn(), data), str(tmp_path)
  )
  with pytest.raises(errors.InputError, match='got faster_rcnn for ssd'):
    distillation.from_config(
      with_teacher(config, teacher, f'teacher_config={other}')
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
  given = with_teacher(
    config, teacher, f'teacher_config={pipeline.save(taught, str(tmp_path))}'
  )
  if words is None:
    assert distillation.from_config(given).config == taught
    return
  with pytest.raises(errors.InputError, match=words):
    distillation.from_config(given)


def test_a_model_that_is_trained_for_8_bits_has_no_teacher(data, teacher):
  config = with_teacher(detectors.config(detectors.ssd(), data), teacher, '')
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


def test_a_checkpoint_that_is_not_of_the_config_is_refused(data, tmp_path):
  config = detectors.config(detectors.ssd(), data)
  checkpoint = random_checkpoint(
    detectors.config(detectors.faster_rcnn(), data), tmp_path / 'teacher'
  )
  with pytest.raises(errors.InputError, match='cannot be the teacher'):
    teachers.load(config, checkpoint, [SIZE, SIZE, 3])


def test_a_teacher_has_the_moving_averages_that_its_config_evaluates(
  data, teacher, tmp_path
):
  config = detectors.config(detectors.ssd(), data)
  checkpoint = str(tmp_path / 'teacher')
  checkpoints.write(
    checkpoint, averages.into_averages(checkpoints.read(teacher))
  )
  shape = [SIZE, SIZE, 3]
  expected = teachers.load(config, teacher, shape).graph_def
  averaged = averages.evaluating(config)
  assert teachers.load(averaged, checkpoint, shape).graph_def == expected
  assert teachers.load(config, checkpoint, shape).graph_def != expected
  with pytest.raises(errors.InputError, match='^the teacher .* has no moving'):
    teachers.load(averaged, teacher, shape)
