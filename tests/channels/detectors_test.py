"""Channel surgery on every detector that it must work on."""

import functools

import detectors
import hypothesis
import networks
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import strategies as st

from object_detection_pruning.builders import (
  inference_graph,
  pipeline,
  training_graph,
)
from object_detection_pruning.channels import groups, macs, surgery


@functools.lru_cache(maxsize=1)
def _dense(name):
  """Gives config, graph, channels and positions of a detector, made once."""
  config = detectors.config(networks.DETECTORS[name]())
  built = inference_graph.build(config)
  channels = groups.find(built.graph, built.exported)
  return config, built, channels, macs.count(built, channels)


@pytest.mark.parametrize('name', networks.NAMES)
@hypothesis.settings(max_examples=2, deadline=None, database=None)
@hypothesis.given(seed=st.integers(0, 10**6), share=st.sampled_from([1.0, 0.3]))
def test_narrow_detector_equals_silenced_one(name, seed, share):
  config, built, channels, places = _dense(name)
  plan = networks.random_plan(channels, places, seed, share)
  tensors = networks.random_tensors(built, seed)
  narrow_config = surgery.narrow_config(config, plan)
  narrow = surgery.narrow(tensors, plan)
  surgery.check_rebuilds(narrow_config, narrow, built.op_counts())
  again = inference_graph.build(narrow_config)
  networks.assert_same(
    networks.run(again, narrow),
    networks.run(built, surgery.silence(tensors, plan)),
  )
  # The plan's figures are those of the network that was built from it.
  found = groups.find(again.graph, again.exported)
  kernels = {k: int(np.prod(found.shapes[k])) for k in found.uses}
  counted = macs.count(again, found)
  assert plan.cost().macs == sum(counted[k] * kernels[k] for k in kernels)
  assert plan.cost().params == sum(
    int(np.prod(shape)) for shape in found.shapes.values()
  )
  assert plan.cost().params < plan.dense_cost().params


def test_config_of_dense_detector_stays_plain():
  config = detectors.config(detectors.ssd())
  built = inference_graph.build(config)
  channels = groups.find(built.graph, built.exported)
  plan = networks.random_plan(channels)._replace(removed={})
  assert surgery.narrow_config(config, plan) == config
  assert not pipeline.pruning_message(config).layer_width


def test_second_surgery_keeps_the_widths_of_the_code():
  config = detectors.config(detectors.ssd())
  built = inference_graph.build(config)
  first = networks.random_plan(groups.find(built.graph, built.exported))
  once = surgery.narrow_config(config, first)
  narrow = inference_graph.build(once)
  second = networks.random_plan(groups.find(narrow.graph, narrow.exported))
  tensors = surgery.narrow(networks.random_tensors(built), first)
  twice = surgery.narrow_config(once, second)
  surgery.check_rebuilds(
    twice, surgery.narrow(tensors, second), built.op_counts()
  )
  dense = {
    w.layer: w.dense_filters for w in pipeline.pruning_message(once).layer_width
  }
  for width in pipeline.pruning_message(twice).layer_width:
    assert dense.get(width.layer, width.dense_filters) == width.dense_filters


@pytest.mark.parametrize('name', networks.ONE_BY_DEFAULT)
def test_narrow_detector_trains_a_step(name, data):
  config = detectors.config(networks.DETECTORS[name](), data)
  built = inference_graph.build(config)
  channels = groups.find(built.graph, built.exported)
  plan = networks.random_plan(channels)
  # Weights of a fresh initializer can silence the whole of a narrow network.
  tensors = surgery.narrow(networks.random_tensors(built), plan)
  spec = training_graph.build(surgery.narrow_config(config, plan))
  shapes = plan.shapes()
  kernels = [
    variable
    for variable in tf.trainable_variables()
    if variable.op.name in set(plan.gone()) & set(shapes)
  ]
  for variable in kernels:
    assert shapes[variable.op.name] == tuple(variable.shape.as_list())
  tensors['global_step'] = np.int64(0)
  with training_graph.restored_session(tensors) as session:
    before = session.run(kernels)
    _, loss = session.run([spec.train_op, spec.loss])
    after = session.run(kernels)
  assert np.isfinite(loss)
  changed = [not np.array_equal(x, y) for x, y in zip(before, after)]
  assert np.mean(changed) > 0.5
