import os

import averages
import detectors
import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
from object_detection.builders import model_builder

from object_detection_pruning.batch_norm import recalibration
from object_detection_pruning.builders import pipeline, training_graph
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.dataset_tools import shapes

BATCHES = 3
SIZE = detectors.IMAGE_SIZE
STATISTICS = ('moving_mean', 'moving_variance')
COMMAND = 'object_detection_pruning.recalibrate_batch_norm'


def batch(index):
  """Two preprocessed pictures of shapes."""
  pictures = [shapes.generate(index, i, SIZE).image for i in range(2)]
  return np.stack(pictures).astype(np.float32) * (2 / 255) - 1


@pytest.fixture
def known_batches(monkeypatch):
  """Lets the training input be the known batches, and end after them."""

  def create_train_input_fn(*_):
    features = {
      'image': np.stack([batch(index) for index in range(BATCHES)]),
      'true_image_shape': np.int32([[[SIZE, SIZE, 3]] * 2] * BATCHES),
      'hash': np.zeros([BATCHES, 2], np.int32),
    }
    one_hot = np.eye(detectors.NUM_CLASSES, dtype=np.float32)[[1]]
    labels = {
      'num_groundtruth_boxes': np.int32([[1, 1]] * BATCHES),
      'groundtruth_boxes': np.float32([[[[0.2, 0.2, 0.7, 0.7]]] * 2] * BATCHES),
      'groundtruth_classes': np.stack([[one_hot] * 2] * BATCHES),
      'groundtruth_weights': np.ones([BATCHES, 2, 1], np.float32),
    }
    return lambda: tf.data.Dataset.from_tensor_slices((features, labels))

  monkeypatch.setattr(
    training_graph.inputs, 'create_train_input_fn', create_train_input_fn
  )


def expected_statistics(config, checkpoint):
  """Averages by NumPy over what goes into each batch norm in training."""
  with tf.Graph().as_default() as graph:
    images = tf.placeholder(tf.float32, [2, SIZE, SIZE, 3])
    model = model_builder.build(config.model, is_training=True)
    model.predict(images, tf.constant([[SIZE, SIZE, 3]] * 2))
    layers = {
      op.inputs[1].op.name.replace('/gamma/read', ''): op.inputs[0]
      for op in graph.get_operations()
      if op.type.startswith('FusedBatchNorm')
    }
    with tf.Session() as session:
      tf.train.Saver(tf.global_variables()).restore(session, checkpoint)
      runs = [
        session.run(layers, {images: batch(index)}) for index in range(BATCHES)
      ]
  expected = {}
  for layer in layers:
    # The moving variance is that of the population.
    values = [run[layer].astype(np.float64) for run in runs]
    means = [value.mean((0, 1, 2)) for value in values]
    variances = [
      value.var((0, 1, 2)) * (value[..., 0].size / (value[..., 0].size - 1))
      if value[..., 0].size > 1
      else value.var((0, 1, 2))
      for value in values
    ]
    expected[f'{layer}/moving_mean'] = np.mean(means, axis=0)
    expected[f'{layer}/moving_variance'] = np.mean(variances, axis=0)
  return expected


def test_statistics_are_the_average_over_the_batches_and_weights_stay(
  known_batches, config, checkpoint, tmp_path
):
  output = str(tmp_path / 'model.ckpt-12')
  given = str(config)
  count = recalibration.recalibrate(config, checkpoint, BATCHES, output)
  assert str(config) == given
  before, after = checkpoints.read(checkpoint), checkpoints.read(output)
  assert set(after) == set(before)
  expected = expected_statistics(config, checkpoint)
  assert count == len(expected) == 2 * 35
  for name, array in after.items():
    if name in expected:
      np.testing.assert_allclose(
        array, expected[name], rtol=2e-4, atol=1e-6, err_msg=name
      )
      assert array.dtype == np.float32
    else:
      np.testing.assert_array_equal(array, before[name], err_msg=name)
      assert name.rpartition('/')[2] not in STATISTICS
  first = 'FeatureExtractor/MobilenetV1/Conv2d_0/BatchNorm/moving_variance'
  assert not np.allclose(before[first], after[first], rtol=0.01)


def test_statistics_are_those_of_the_moving_averages_that_are_exported(
  known_batches, config, checkpoint, tmp_path
):
  plain, averaged = str(tmp_path / 'plain'), str(tmp_path / 'averaged')
  before = averages.into_averages(checkpoints.read(checkpoint))
  checkpoints.write(averaged, before)
  recalibration.recalibrate(config, checkpoint, BATCHES, plain)
  recalibration.recalibrate(
    averages.evaluating(config), averaged, BATCHES, averaged
  )
  expected, after = checkpoints.read(plain), checkpoints.read(averaged)
  assert set(after) == set(before)
  for name, array in after.items():
    is_set = name.rpartition('/')[2] in STATISTICS
    np.testing.assert_allclose(
      array,
      expected[name] if is_set else before[name],
      rtol=1e-5 if is_set else 0,
      err_msg=name,
    )


def test_averages_that_the_checkpoint_lacks_are_an_error(
  known_batches, config, checkpoint, tmp_path
):
  with pytest.raises(errors.InputError, match='has no moving averages'):
    recalibration.recalibrate(
      averages.evaluating(config), checkpoint, BATCHES, str(tmp_path / 'new')
    )
  assert os.listdir(str(tmp_path)) == []


def test_input_that_ends_early_is_an_error(
  known_batches, config, checkpoint, tmp_path
):
  output = str(tmp_path / 'model.ckpt')
  with pytest.raises(errors.InputError, match='ended before 4 batches'):
    recalibration.recalibrate(config, checkpoint, BATCHES + 1, output)
  assert os.listdir(str(tmp_path)) == []


def test_frozen_batch_norm_stays_as_it_is(
  known_batches, run, checkpoint, tmp_path
):
  # Freezes the base network; the layers on top have settings of their own.
  model = detectors.ssd(masked=True, decay=None)
  config = detectors.config(
    model.replace('ssd {', 'ssd { freeze_batchnorm: true', 1), run.data
  )
  output = str(tmp_path / 'model.ckpt')
  count = recalibration.recalibrate(config, checkpoint, BATCHES, output)
  before, after = checkpoints.read(checkpoint), checkpoints.read(output)
  changed = {
    name for name in before if not np.array_equal(before[name], after[name])
  }
  on_top = {
    name
    for name in before
    if name.rpartition('/')[2] in STATISTICS and 'pointwise_' in name
  }
  assert changed == on_top
  assert count == len(on_top) == 2 * 8


def test_model_whose_batch_norm_is_all_frozen_is_an_error(
  known_batches, run, checkpoint, tmp_path
):
  model = detectors.ssd(masked=True).replace('train: true', 'train: false')
  with pytest.raises(errors.InputError, match='trains none of its 70 moving'):
    recalibration.recalibrate(
      detectors.config(model, run.data),
      checkpoint,
      BATCHES,
      str(tmp_path / 'model.ckpt'),
    )
  assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize('batches', [0, -1, 1.5])
def test_number_of_batches_is_checked_first(batches):
  with pytest.raises(errors.InputError, match='num_batches must be'):
    recalibration.recalibrate(None, '/nowhere', batches, '/nowhere')


@pytest.mark.parametrize(
  'change, words',
  [
    (lambda tensors, name: tensors.pop(name), 'variables of the model are not'),
    (
      lambda tensors, name: tensors.update({name: np.zeros([3], 'f')}),
      'has shape',
    ),
  ],
)
def test_checkpoint_that_does_not_fit_is_an_error(
  known_batches, config, checkpoint, tmp_path, change, words
):
  tensors = checkpoints.read(checkpoint)
  change(tensors, 'FeatureExtractor/MobilenetV1/Conv2d_0/mask')
  prefix = str(tmp_path / 'model.ckpt')
  checkpoints.write(prefix, tensors)
  with pytest.raises(errors.InputError) as error:
    recalibration.recalibrate(config, prefix, 1, str(tmp_path / 'new'))
  assert words in str(error.value)
  assert 'Conv2d_0/mask' in str(error.value)


def test_masks_that_the_config_does_not_build_are_an_error(
  known_batches, run, checkpoint, tmp_path
):
  config = detectors.config(detectors.ssd(), run.data)
  with pytest.raises(errors.InputError, match='has 22 masks that this config'):
    recalibration.recalibrate(config, checkpoint, 1, str(tmp_path / 'new'))
  assert os.listdir(str(tmp_path)) == []


def test_command_writes_a_folder_that_can_be_exported(run, tmp_path):
  result = processes.python(
    '-m',
    COMMAND,
    f'--pipeline_config_path={run.model_dir}/pipeline.config',
    f'--checkpoint={run.model_dir}',
    '--num_batches=2',
    f'--output_dir={tmp_path}/new',
  )
  assert result.returncode == 0, result.stderr
  assert result.stdout.startswith(
    '70 moving means and variances set from 2 batches'
  )
  output = checkpoints.resolve(str(tmp_path / 'new'))
  assert output == str(tmp_path / 'new/model.ckpt-12')
  before = checkpoints.read(os.path.join(run.model_dir, 'model.ckpt-12'))
  after = checkpoints.read(output)
  changed = {
    name for name in before if not np.array_equal(before[name], after[name])
  }
  assert {name.rpartition('/')[2] for name in changed} == set(STATISTICS)
  assert pipeline.load(str(tmp_path / 'new/pipeline.config')) == pipeline.load(
    os.path.join(run.model_dir, 'pipeline.config')
  )


def test_bad_flags_of_the_command_give_one_line(run, tmp_path):
  good = [
    f'--pipeline_config_path={run.model_dir}/pipeline.config',
    f'--checkpoint={run.model_dir}',
    f'--output_dir={tmp_path}/new',
  ]
  cases = [
    (
      good + ['--num_batches=0'],
      '--recalibrate_batch_norm must be a whole number',
    ),
    (good + ['--checkpoint=/no/model.ckpt'], 'no checkpoint at'),
    (good + ['--pipeline_config_path=/no'], 'no pipeline config at'),
    (good + [f'--output_dir={run.model_dir}'], '--output_dir must be another'),
  ]
  results = processes.command(COMMAND, [arguments for arguments, _ in cases])
  for result, (_, words) in zip(results, cases):
    assert result.returncode == 2
    assert result.stderr.startswith(f'error: {words}'), result.stderr
    assert result.stderr.count('\n') == 1
  assert not os.path.exists(str(tmp_path / 'new'))


def test_damaged_training_data_is_named(data, tmp_path):
  path = tmp_path / 'train.record'
  path.write_bytes(b'no record at all')
  damaged_data = data._replace(train_record=str(path))
  config = detectors.config(detectors.ssd(), damaged_data)
  with tf.Session() as session:
    damaged = tf.data.TFRecordDataset(str(path)).make_one_shot_iterator()
    batches = training_graph.run_batches(
      config, session, damaged.get_next(), 1, 'test'
    )
    with pytest.raises(errors.InputError, match='train.record is no TFRecord'):
      next(batches)


@pytest.mark.parametrize(
  'model, trained',
  [
    (detectors.ssd(), True),
    (detectors.ssd().replace('train: true', 'train: false'), False),
    # As the stock one is.
    (detectors.faster_rcnn(instance_masks=True), False),
  ],
)
def test_tells_whether_batch_norm_is_trained_without_data(model, trained):
  config = detectors.config(model)
  assert recalibration.trains_batch_norm(config) == trained
