import types

import detectors
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.training import loop


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
  input_fn = lambda: None  # noqa: E731
  run = {
    'estimator': types.SimpleNamespace(
      config=tf.estimator.RunConfig(), model_dir=str(tmp_path / 'model')
    ),
    'train_input_fn': input_fn,
    'eval_input_fns': [input_fn],
    'eval_on_train_input_fn': input_fn,
    'predict_input_fn': input_fn,
    'train_steps': 20,
    'soft_filter_pruning': None,
  }
  with pytest.raises(errors.InputError) as error:
    loop.train(run, config)
  assert str(error.value) == (
    f'{record} is no TFRecord file, or is damaged: truncated record at 0'
  )
