import json
import types

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.training import loop, model_lib

LAST_STEP = 20


def _run(tmp_path, evaluate=None):
  input_fn = lambda: None  # noqa: E731
  return {
    'estimator': types.SimpleNamespace(
      config=tf.estimator.RunConfig(),
      model_dir=str(tmp_path / 'model'),
      evaluate=evaluate,
    ),
    'train_input_fn': input_fn,
    'eval_input_fns': [input_fn],
    'eval_on_train_input_fn': input_fn,
    'predict_input_fn': input_fn,
    'train_steps': LAST_STEP,
    'soft_filter_pruning': None,
  }


def test_batch_norm_is_set_before_the_last_evaluation_and_not_before_others(
  tmp_path, monkeypatch
):
  happened = []
  prefixes = {}
  for step in (10, LAST_STEP):
    prefixes[step] = str(tmp_path / 'model' / f'model.ckpt-{step}')
    checkpoints.write(prefixes[step], {'global_step': np.int64(step)})
    checkpoints.name_latest(prefixes[step])

  def evaluate(checkpoint_path, name):
    happened.append(('evaluate', checkpoint_path, name))
    return {'global_step': checkpoints.global_step(checkpoint_path)}

  def train_and_evaluate(estimator, _, eval_spec):
    for prefix in prefixes.values():
      estimator.evaluate(checkpoint_path=prefix, name=eval_spec.name)
    return {'loss': 1.0}, []

  def recalibrate(_, checkpoint, batches, output):
    assert checkpoint == output
    happened.append(('recalibrate', checkpoint, batches))

  monkeypatch.setattr(tf.estimator, 'train_and_evaluate', train_and_evaluate)
  monkeypatch.setattr(loop.recalibration, 'recalibrate', recalibrate)
  monkeypatch.setattr(
    loop.serving, 'export', lambda *given: happened.append(given[1:])
  )
  config = detectors.config(detectors.ssd())
  metrics = loop.train(
    _run(tmp_path, evaluate), config, recalibration_batches=3
  )
  assert metrics == {'loss': 1.0}
  assert happened == [
    ('evaluate', prefixes[10], '0'),
    ('recalibrate', prefixes[LAST_STEP], 3),
    ('evaluate', prefixes[LAST_STEP], '0'),
    (prefixes[LAST_STEP], str(tmp_path / 'model')),
  ]


def test_damaged_training_record_is_named(tmp_path, monkeypatch):
  record = tmp_path / 'train.record'
  with tf.io.TFRecordWriter(str(record)) as writer:
    writer.write(b'x' * 20)
  record.write_bytes(record.read_bytes()[:-7])
  config = detectors.config(detectors.ssd())
  for reader in (config.train_input_reader, *config.eval_input_reader):
    reader.tf_record_input_reader.input_path[:] = [str(record)]

  def train_and_evaluate(*_):
    raise tf.errors.DataLossError(None, None, 'truncated record at 0')

  monkeypatch.setattr(tf.estimator, 'train_and_evaluate', train_and_evaluate)
  with pytest.raises(errors.InputError) as error:
    loop.train(_run(tmp_path), config)
  assert str(error.value) == (
    f'{record} is no TFRecord file, or is damaged: truncated record at 0'
  )


@pytest.mark.slow
def test_a_detector_of_one_stage_trains_to_its_end(data, tmp_path):
  config = detectors.config(
    detectors.faster_rcnn(masked=True),
    data,
    num_steps=2,
    pruning='target_sparsity: 0.5 start_step: 0 end_step: 1 frequency: 1',
  )
  config.model.faster_rcnn.number_of_stages = 1
  model_dir = str(tmp_path / 'model')
  run = model_lib.create_estimator_and_inputs(
    config, tf.estimator.RunConfig(model_dir)
  )
  loop.train(run, config)
  checkpoints.resolve(model_dir + '/model.ckpt-2')
  assert not (tmp_path / 'model' / 'export').exists()


@pytest.mark.parametrize(
  'role, expected',
  [
    (None, ['training', 'evaluation']),
    ('chief', ['training']),
    ('worker', ['training']),
    ('ps', []),
    ('evaluator', ['evaluation']),
  ],
)
def test_each_role_of_a_cluster_needs_the_data_that_it_reads(
  role, expected, monkeypatch
):
  if role is not None:
    cluster = {each: ['localhost:1'] for each in ('chief', 'worker', 'ps')}
    value = {'cluster': cluster, 'task': {'type': role, 'index': 0}}
    monkeypatch.setenv('TF_CONFIG', json.dumps(value))
  checked = []
  for module in (loop.input_checks, loop.record_classes):
    for name in ('training', 'evaluation'):
      monkeypatch.setattr(
        module, f'check_{name}', lambda _, name=name: checked.append(name)
      )
  run_config = tf.estimator.RunConfig()
  # The evaluator is no second chief to the folder.
  assert loop.task(run_config) == role
  loop.check_inputs(detectors.config(detectors.ssd()), run_config)
  assert sorted(set(checked), reverse=True) == expected
