"""Runs that the pruning hook refuses, and those that look like them."""

import logging

import pytest
import tensorflow.compat.v1 as tf
import tiny_model
from recorded_runs import run

from object_detection_pruning import ModelPruningHook, masking_scope
from object_detection_pruning.common import errors


def test_graph_without_masks_is_an_error():
  tf.train.create_global_step()
  tf.get_variable('net/weights', [2, 2])
  with pytest.raises(errors.InputError, match='no layer is masked'):
    ModelPruningHook(0.5, 1, 2).begin()


@pytest.mark.parametrize('field', ['include', 'exclude'])
def test_pattern_that_is_found_in_no_layer_is_an_error(field):
  tf.train.create_global_step()
  with masking_scope(exclude=['head']), masking_scope(**{field: ['hed']}):
    for layer in ('body', 'head'):
      tf.get_variable(layer + '/weights', [2, 2])
  with pytest.raises(errors.InputError) as error:
    ModelPruningHook(0.5, 1, 2).begin()
  assert str(error.value) == (
    f"{field} pattern 'hed' is found in no layer; layers are: body, head"
  )


def test_graph_without_a_global_step_is_an_error():
  with pytest.raises(errors.InputError, match='no global step'):
    ModelPruningHook(0.5, 1, 2).begin()


def test_start_at_the_last_step_is_an_error():
  ModelPruningHook(0.5, 9, 20, last_step=10)
  with pytest.raises(errors.InputError, match=r'last training step \(10\)'):
    ModelPruningHook(0.5, 10, 20, last_step=10)


@pytest.mark.parametrize(
  'arguments, message',
  [
    ((1.5, 1, 2), 'target_sparsity must be'),
    ((0.5, None, 2), 'start_step must be'),
    ((0.5, 3, 2), 'start_step must not be after end_step'),
    ((0.5, 1, 2, 0.7), 'initial_sparsity must not be above'),
    ((0.5, 1, 2, 0, 0), 'frequency must be'),
  ],
)
def test_bad_schedule_is_an_error_at_construction(arguments, message):
  with pytest.raises(errors.InputError, match=message):
    ModelPruningHook(*arguments)


def test_window_that_is_past_for_a_dense_model_is_an_error(tmp_path):
  tiny_model.train(tmp_path, 12, start_step=20, end_step=30, last_step=40)
  with pytest.raises(errors.InputError, match='the schedule can never fire'):
    tiny_model.train(tmp_path, 20, start_step=1, end_step=5)


def test_run_that_ends_before_the_start_is_an_error():
  with pytest.raises(errors.InputError) as error:
    run(4, [ModelPruningHook(0.5, 10, 20)])
  assert str(error.value).startswith(
    'the run ended at global step 4, before start_step 10: nothing was pruned'
  )


def test_run_that_is_known_to_go_on_later_may_end_before_the_start(
  tmp_path, caplog
):
  caplog.set_level(logging.WARNING, 'tensorflow')
  tiny_model.train(tmp_path, 2, last_step=16)
  assert 'nothing was pruned' in caplog.text
  tiny_model.train(tmp_path, 16, last_step=16)
  assert int((tiny_model.latest(tmp_path)['net/mask'] == 0).sum()) == 23


def test_run_of_a_pruned_model_may_end_before_the_start(tmp_path):
  tiny_model.train(tmp_path, 15)
  tiny_model.train(tmp_path, 17, start_step=20, end_step=30)
  assert int((tiny_model.latest(tmp_path)['net/mask'] == 0).sum()) == 23


def test_error_of_another_hook_is_not_hidden():
  class Failing(tf.train.SessionRunHook):
    def after_run(self, run_context, run_values):
      raise ZeroDivisionError

  with pytest.raises(ZeroDivisionError):
    run(4, [ModelPruningHook(0.5, 1, 3), Failing()])
