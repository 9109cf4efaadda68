"""What the pruning hook says of the plan, and of a run that ends too early."""

import logging

import tiny_model
from recorded_runs import run

from object_detection_pruning import ModelPruningHook
from object_detection_pruning.core import allocation

SIZE = 30


def warnings_of(caplog, steps, **settings):
  caplog.set_level(logging.INFO, 'tensorflow')
  hook = ModelPruningHook(**dict(tiny_model.WINDOW, **settings))
  states = run(steps, [hook])
  zeros = int((states[max(states)][1] == 0).sum())
  said = [record.getMessage() for record in caplog.records]
  return zeros, [line for line in said if 'sparsity' in line]


def test_training_that_ends_early_says_what_was_reached(caplog):
  zeros, said = warnings_of(caplog, 9)
  assert said == [
    'The run ended at global step 9, before end_step 13: it has reached '
    f'sparsity {zeros / SIZE:.4f} of {23 / SIZE:.4f}.'
  ]
  assert 0 < zeros < 23


def test_window_beyond_the_last_step_says_what_will_be_reached(caplog):
  zeros, said = warnings_of(caplog, 9, last_step=9)
  assert said[0] == (
    'end_step 13 is after the last training step 9: this run will reach '
    f'sparsity {zeros / SIZE:.4f} of {23 / SIZE:.4f}.'
  )


def test_target_of_zero_does_not_hide_what_a_layer_of_its_own_does(caplog):
  own = [allocation.LayerSparsity('net', 0.5)]
  zeros, said = warnings_of(
    caplog, 9, target_sparsity=0, layer_sparsities=own, last_step=9
  )
  assert 0 < zeros < 15
  assert said[:2] == [
    '1 of 1 layers follow layer_sparsity, whatever the target (0.0000) of the '
    'others: the plan ends at sparsity 0.5000.',
    'end_step 13 is after the last training step 9: this run will reach '
    f'sparsity {zeros / SIZE:.4f} of 0.5000.',
  ]
