"""Training that starts from what prune_weights writes."""

import os

import detectors
import numpy as np
import processes
import pytest
import small_detector
import tensorflow.compat.v1 as tf
from object_detection.builders import model_builder

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints
from object_detection_pruning.core import kernels
from object_detection_pruning.reconstruction import (
  job,
  outputs,
  photos,
  refinement,
  request,
)


def _masks(prefix):
  tensors = checkpoints.read(prefix)
  pairs = kernels.kernels_with_masks({n: t.shape for n, t in tensors.items()})
  return {mask: tensors[mask] for mask in pairs.values()}


@pytest.fixture(scope='module')
def pruned(tmp_path_factory, data):
  """The folder of an SSD that was pruned without training."""
  folder = tmp_path_factory.mktemp('pruned')
  dense = detectors.config(detectors.ssd(), data)
  with tf.Graph().as_default(), tf.Session() as session:
    model = model_builder.build(dense.model, is_training=False)
    model.predict(*model.preprocess(tf.placeholder(tf.float32, [1, 96, 96, 3])))
    tf.train.get_or_create_global_step()
    tf.set_random_seed(1)
    session.run(tf.global_variables_initializer())
    prefix = tf.train.Saver().save(session, str(folder / 'dense'))
  job.run(
    job.Source(config=dense, checkpoint=prefix),
    photos.Photos(small_detector.photos(2)),
    request.Request(sparsity=0.5, allocation='uniform', max_rows=500),
    refinement.Setting(0),
    str(folder / 'out'),
  )
  return str(folder / 'out')


def _train(config_path, model_dir, *flags):
  result = processes.python(
    '-m',
    'object_detection_pruning.model_main',
    f'--pipeline_config_path={config_path}',
    f'--model_dir={model_dir}',
    '--save_checkpoints_steps=1',
    *flags,
  )
  assert result.returncode == 0, result.stderr
  return result.stderr


@pytest.mark.slow
def test_the_config_beside_it_trains_on_with_the_masks_as_they_are(
  pruned, tmp_path
):
  log = _train(
    os.path.join(pruned, pipeline.FILE_NAME), tmp_path, '--num_train_steps=1'
  )
  assert 'masks start at one' not in log
  before = _masks(os.path.join(pruned, outputs.CHECKPOINT))
  after = _masks(str(tmp_path / 'model.ckpt-1'))
  assert set(before) == set(after)
  assert np.mean([np.mean(mask == 0) for mask in before.values()]) > 0.1
  for name, mask in before.items():
    np.testing.assert_array_equal(after[name], mask, err_msg=name)


@pytest.mark.slow
def test_another_config_raises_the_sparsity_from_what_is_there(
  pruned, data, tmp_path
):
  config = detectors.config(
    detectors.ssd(masked=True), data, pruning='include: ""'
  )
  train = config.train_config
  train.fine_tune_checkpoint = os.path.join(pruned, outputs.CHECKPOINT)
  train.fine_tune_checkpoint_type = 'detection'
  train.load_all_detection_checkpoint_vars = True
  path = detectors.write(config, tmp_path / 'config')
  _train(
    path,
    tmp_path / 'model',
    '--num_train_steps=4',
    '--sparsity=0.7',
    '--pruning_start_step=1',
    '--pruning_end_step=3',
    '--pruning_frequency=1',
  )
  start = _masks(os.path.join(pruned, outputs.CHECKPOINT))
  last = start
  for step in (1, 2, 3, 4):
    now = _masks(str(tmp_path / 'model' / f'model.ckpt-{step}'))
    assert set(now) == set(start)
    for name, mask in now.items():
      assert not mask[last[name] == 0].any(), (step, name)
      if step == 1:
        np.testing.assert_array_equal(mask, start[name], err_msg=name)
    last = now
  for name, mask in last.items():
    assert np.mean(mask == 0) == pytest.approx(0.7, abs=0.5 / mask.size), name


def test_rewinding_that_is_refused_leaves_nothing_to_go_on_from(run, tmp_path):
  early = checkpoints.read(run.killed_at)
  name = next(name for name in early if name.endswith('ClassPredictor/biases'))
  early[name] = np.zeros(3, np.float32)
  prefix = str(tmp_path / 'early.ckpt')
  checkpoints.write(prefix, early)
  config = pipeline.load(run.config_path)
  config.train_config.fine_tune_checkpoint = run.killed_at
  model_dir = tmp_path / 'model'
  result = processes.python(
    '-m',
    'object_detection_pruning.model_main',
    f'--pipeline_config_path={detectors.write(config, tmp_path)}',
    f'--model_dir={model_dir}',
    f'--rewind_checkpoint={prefix}',
    '--num_train_steps=9',
  )
  assert result.returncode == 2, result.stderr
  assert f'{name} for one, are not as they are in' in result.stderr
  assert not list(model_dir.glob('model.ckpt*'))
  assert not (model_dir / 'checkpoint').exists()
