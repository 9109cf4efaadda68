"""A narrow model that learns the feature maps of the dense one."""

import json

import detectors
import distilled
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import pruning, surgery, surviving
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.training import distillation

KINDS = {
  'ssd': detectors.ssd(),
  'mobilenet_v2': detectors.ssd('ssd_mobilenet_v2'),
  # Its feature map is a concat, whose channels are those of four layers.
  'faster_rcnn': detectors.faster_rcnn(),
}


def narrowed(kind, data, folder):
  """Gives the config of a detector whose channels that went said nothing.

  The dense one is its teacher.
  """
  config = detectors.config(KINDS[kind], data)
  dense_path = pipeline.save(config, str(folder / 'dense'))
  prefix = distilled.random_checkpoint(config, folder / 'dense/model.ckpt')
  tensors = checkpoints.read(prefix)
  network = pruning.analyze(config)
  plan = pruning.make_plan(
    network, tensors, pruning.Request(ratio=0.3, method='random')
  )
  silent = surgery.silence(tensors, plan)
  checkpoints.write(prefix, silent)
  pruning.write(network, silent, plan, str(folder / 'narrow'))
  narrow = pipeline.load(str(folder / 'narrow/pipeline.config'))
  return distilled.with_teacher(narrow, prefix, f'teacher_config={dense_path}')


@pytest.mark.parametrize(
  'kind',
  [
    'ssd',
    pytest.param('mobilenet_v2', marks=pytest.mark.slow),
    pytest.param('faster_rcnn', marks=pytest.mark.slow),
  ],
)
def test_a_narrow_model_is_as_its_teacher_where_what_went_said_nothing(
  kind, data, tmp_path
):
  config = narrowed(kind, data, tmp_path)
  distilled.training_spec(config, data)
  graph = tf.get_default_graph()
  terms = [
    graph.get_operation_by_name(distillation.PREFIX + name).inputs[1]
    for name in ('class', 'box', 'feature')
  ]
  others = [v.assign(v[..., ::-1]) for v in tf.trainable_variables()]
  with tf.Session() as session:
    # The initializer reads the narrow checkpoint.
    session.run([tf.global_variables_initializer(), tf.tables_initializer()])
    same = session.run(terms)
    session.run(others)
    fresh = session.run(terms)
  assert all(value > 1e-3 for value in fresh)
  np.testing.assert_allclose(same, np.zeros(3), atol=1e-4)


def test_without_what_went_the_maps_cannot_be_compared(data, tmp_path):
  config = narrowed('ssd', data, tmp_path)
  path = tmp_path / 'narrow/plan.json'
  content = json.loads(path.read_text())
  assert content.pop('removed')
  start = config.train_config.fine_tune_checkpoint
  path.write_text(json.dumps(content))
  # As versions wrote it that did not say.
  assert surviving.read_beside(start) is None
  with pytest.raises(errors.InputError, match='no plan.json for this'):
    distilled.training_spec(config, data)
  for text in ('[]', 'no', '{"removed": {"a": {"b": [1]}}}'):
    path.write_text(text)
    with pytest.raises(errors.InputError, match='is no plan of prune_channels'):
      distillation.from_config(config)
  path.unlink()
  assert distillation.from_config(config).gone is None


def test_a_teacher_as_narrow_as_the_model_keeps_its_channels(data, tmp_path):
  config = narrowed('ssd', data, tmp_path)
  message = pipeline.pruning_message(config).distillation
  assert distillation.from_config(config).gone
  message.ClearField('teacher_config')
  message.teacher = config.train_config.fine_tune_checkpoint
  assert distillation.from_config(config).gone is None
