"""Soft filter pruning of inverted residuals and of squeeze and excitation."""

import networks
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.channels import criteria, importance
from object_detection_pruning.training.soft import (
  pruning_rounds,
  soft_filter_pruning_hook,
)

NETWORKS = {
  'inverted_residuals': networks.inverted_residuals,
  'squeeze_excitation': networks.squeeze_excitation,
}
PROJECTIONS = [
  f'MobilenetV2/expanded_conv_{number}/project' for number in (3, 4, 5)
]


def _train(name, steps, rate):
  """Trains a network by gradient descent, with updates at steps 1 and 3.

  Returns:
    The hook, its groups by name, and all variables by name.
  """
  groups = networks.find(NETWORKS[name]).prunable
  hook = soft_filter_pruning_hook.SoftFilterPruningHook(
    groups,
    pruning_rounds.Settings(0.4, start_step=1, frequency=2).schedule(10),
    [1e-7],
  )
  tf.set_random_seed(1)
  step = tf.train.create_global_step()
  image = np.random.RandomState(0).uniform(-1, 1, [1, 16, 16, 3])
  output = NETWORKS[name](tf.constant(image, tf.float32))
  loss = -tf.reduce_mean(tf.log(tf.reshape(output, [-1, 3])[:, 0]))
  train = tf.train.GradientDescentOptimizer(rate).minimize(loss, step)
  variables = {v.op.name: v for v in tf.global_variables()}

  def read(step_context):
    return step_context.session.run(variables)

  start = _start(name)
  scaffold = tf.train.Scaffold(
    init_fn=lambda _, session: [
      variable.load(start[name], session)
      for name, variable in variables.items()
      if name in start
    ]
  )
  with tf.train.MonitoredTrainingSession(
    hooks=[hook], scaffold=scaffold
  ) as session:
    for _ in range(steps):
      session.run(train)
    return (
      hook,
      {group.name: group for group in groups},
      session.run_step_fn(read),
    )


def _start(name):
  """Weights under which no channel is silent where its filter is zero."""
  tensors = networks.random_tensors(networks.build(NETWORKS[name]))
  for variable, value in tensors.items():
    if variable.endswith(('beta', 'biases')):
      tensors[variable] = np.abs(value) + 0.1
  return tensors


@pytest.mark.parametrize('name', sorted(NETWORKS))
def test_every_layer_of_a_group_loses_the_same_filters(name):
  hook, groups, tensors = _train(name, 1, 0.0)
  for group in groups.values():
    chosen = hook.selected[group.name]
    assert len(chosen) == min(round(0.4 * group.size), group.size - 1)
    for part in group.slices:
      norms = np.abs(criteria.slice_rows(part, tensors[part.variable])).sum(1)
      if part.is_output:
        assert np.flatnonzero(norms == 0).tolist() == chosen
      elif tensors[part.variable].ndim > 1:
        assert (norms > 0).all()


@pytest.mark.parametrize('name', sorted(NETWORKS))
def test_surgery_by_filter_norm_takes_the_very_filters(name):
  hook, groups, tensors = _train(name, 1, 0.0)
  for group in groups.values():
    scores = importance.scores('filter_l2', group, tensors)
    assert np.flatnonzero(scores == 0).tolist() == hook.selected[group.name]


def test_projections_that_are_added_up_are_compared_as_one():
  hook, groups, tensors = _train('inverted_residuals', 1, 0.0)
  (group,) = [g for g in groups.values() if g.layers == PROJECTIONS]
  for layer in PROJECTIONS:
    kernel = tensors[layer + '/weights']
    zero = np.flatnonzero(np.abs(kernel).sum((0, 1, 2)) == 0)
    assert zero.tolist() == hook.selected[group.name]


def test_gate_loses_the_filters_of_the_channels_it_scales():
  hook, groups, tensors = _train('squeeze_excitation', 1, 0.0)
  assert groups['first'].layers == ['first', 'one/excite']
  assert len(hook.selected['first']) == 3
  for layer in groups['first'].layers:
    kernel = tensors[layer + '/weights'][..., hook.selected['first']]
    assert not kernel.any()


@pytest.mark.parametrize(
  'name, layer',
  [('inverted_residuals', PROJECTIONS[0]), ('squeeze_excitation', 'first')],
)
def test_filters_grow_back_and_are_counted(name, layer):
  hook, groups, _ = _train(name, 4, 0.5)
  (report,) = [
    report for report in hook.report if layer in groups[report.group].layers
  ]
  # Looked at by the update of step 3, two steps after they were set to zero.
  assert report.step == 3
  assert report.came_back == [len(report.selected)]
  assert len(report.selected) > 1
