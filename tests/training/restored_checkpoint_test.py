"""The checkpoint that a model is built on: its masks and its kernels."""

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim
from object_detection import model_hparams
from object_detection import model_lib as stock_model_lib
from object_detection.protos import train_pb2

from object_detection_pruning.builders import pruning_builder
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.core import masking, pruning_method, schedules
from object_detection_pruning.training import model_lib

TRAIN = tf.estimator.ModeKeys.TRAIN
EVAL = tf.estimator.ModeKeys.EVAL
SHAPE = [2, 3]


@pytest.fixture
def build_layer(monkeypatch):
  """Gives a function that builds a model of one layer in place of a detector.

  It takes the mode, whether the layer is masked, how it is pruned, the
  checkpoint to start from and further arguments of the creator.
  """

  def build_it(
    mode,
    masked,
    settings=None,
    start='',
    model_dir='/nowhere',
    restores=True,
    hparams=None,
    **arguments,
  ):
    def stock_model_fn(features, labels, mode, params):
      with masking.masking_scope(include=[''] if masked else []):
        weights = tf.get_variable('a/weights', SHAPE)
      if start and restores:
        there = checkpoints.shapes(start)
        tf.train.init_from_checkpoint(
          start,
          {
            variable.op.name: variable
            for variable in tf.global_variables()
            if variable.op.name in there
          },
        )
      layer = slim.batch_norm(weights + 0, is_training=False)
      step = tf.train.get_or_create_global_step()
      return tf.estimator.EstimatorSpec(
        mode, loss=tf.reduce_sum(layer), train_op=tf.assign_add(step, 1)
      )

    monkeypatch.setattr(
      stock_model_lib, 'create_model_fn', lambda *_: stock_model_fn
    )
    create = model_lib.model_fn_creator(
      settings or pruning_builder.PruningSettings(),
      tf.estimator.RunConfig(model_dir=str(model_dir)),
      **arguments,
    )
    train_config = train_pb2.TrainConfig(fine_tune_checkpoint=start)
    with tf.Graph().as_default():
      configs = {
        'train_config': train_config,
        'model': detectors.config(detectors.ssd()).model,
      }
      create(None, configs, model_hparams.create_hparams(hparams))(
        None, None, mode
      )

  return build_it


def write_checkpoint(folder, *names):
  """Writes variables of the layer, and gives the prefix."""
  prefix = str(folder / 'model.ckpt-7')
  array = np.zeros(SHAPE, np.float32)
  checkpoints.write(prefix, {f'a/{name}': array for name in names})
  tf.train.update_checkpoint_state(str(folder), prefix)
  return prefix


def test_masks_that_checkpoint_and_config_have_are_fine(build_layer, tmp_path):
  prefix = write_checkpoint(tmp_path, 'weights', 'mask')
  build_layer(TRAIN, True, start=prefix)
  build_layer(TRAIN, True, model_dir=tmp_path)
  build_layer(EVAL, True, restored_from=str(tmp_path))


@pytest.mark.parametrize('source', ['start', 'model_dir', 'restored_from'])
@pytest.mark.parametrize('whole_folder', [True, False])
def test_masks_of_a_checkpoint_that_would_be_lost_are_an_error(
  build_layer, tmp_path, source, whole_folder
):
  prefix = write_checkpoint(tmp_path, 'weights', 'mask')
  path = str(tmp_path) if whole_folder and source != 'start' else prefix
  mode = EVAL if source == 'restored_from' else TRAIN
  with pytest.raises(errors.InputError) as error:
    build_layer(mode, False, **{source: path})
  assert str(error.value).startswith(
    f'{prefix} has 1 masks that this config does not build, a/mask for one'
  )


@pytest.mark.parametrize('mode', [TRAIN, EVAL])
def test_checkpoint_without_masks_can_be_started_from_but_not_gone_on_with(
  build_layer, tmp_path, mode
):
  prefix = write_checkpoint(tmp_path, 'weights')
  build_layer(mode, True, start=prefix)
  with pytest.raises(errors.InputError) as error:
    build_layer(mode, True, model_dir=tmp_path)
  assert str(error.value).startswith(f'{prefix} lacks 1 masks that this config')


def test_scores_that_are_gathered_are_in_the_checkpoint_to_go_on_from(
  build_layer, tmp_path
):
  settings = pruning_builder.PruningSettings(
    schedules.ConstantSchedule(0.5, 2, 8),
    pruning_method.PruningMethod('movement'),
  )
  prefix = write_checkpoint(tmp_path, 'weights', 'mask')
  build_layer(EVAL, True, settings, model_dir=tmp_path)
  with pytest.raises(errors.InputError) as error:
    build_layer(TRAIN, True, settings, model_dir=tmp_path)
  assert str(error.value).startswith(
    f'{prefix} has no scores of criterion movement '
    '(a/pruning_score_movement for one), so it cannot go on from there'
  )


def test_frozen_batch_norm_is_told_where_nothing_gives_it_values(
  build_layer, tmp_path, warnings
):
  build_layer(TRAIN, True)
  (line,) = [line for line in warnings() if 'batch norm is frozen' in line]
  assert '(2 moving statistics)' in line
  prefix = write_checkpoint(tmp_path, 'weights', 'mask')
  build_layer(TRAIN, True, start=prefix)
  build_layer(TRAIN, True, model_dir=tmp_path)
  build_layer(EVAL, True)
  assert sum('batch norm is frozen' in line for line in warnings()) == 1


def test_start_that_restores_nothing_is_refused_unless_a_run_goes_on(
  build_layer, tmp_path
):
  prefix = write_checkpoint(tmp_path, 'weights', 'mask')
  start = {'start': prefix, 'restores': False}
  with pytest.raises(errors.InputError, match='0 of its 1 kernels'):
    build_layer(TRAIN, True, **start)
  build_layer(TRAIN, True, allow_partial_start=True, **start)
  build_layer(TRAIN, True, model_dir=tmp_path, **start)


def test_start_that_hyperparameters_do_not_load_is_not_checked(
  build_layer, tmp_path, warnings
):
  prefix = write_checkpoint(tmp_path, 'weights', 'mask')
  not_loaded = {'restores': False, 'hparams': 'load_pretrained=false'}
  build_layer(TRAIN, True, start=prefix, **not_loaded)
  assert any('batch norm is frozen' in line for line in warnings())
  build_layer(TRAIN, False, start=prefix, **not_loaded)
