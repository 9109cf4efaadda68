import analyses
import detectors
import numpy as np
import pytest

from object_detection_pruning.evaluation import eval_inputs, evaluator
from object_detection_pruning.sensitivity import prunables

LAYER = 'FeatureExtractor/MobilenetV1/Conv2d_3_pointwise'


@pytest.fixture(scope='module')
def images(dense):
  reader = eval_inputs.reader(dense.config)
  return eval_inputs.load(dense.config, reader, eval_inputs.serialized(reader))


@pytest.fixture(scope='module')
def found(dense):
  return {
    each.name: each
    for each in prunables.filters(dense.network, dense.tensors, 'l1')
  }


def _outputs(model, changes, variables):
  """Gives what the detector finds, before it is scored."""
  kept = []
  model._scorer.score = kept.extend
  model.evaluate(variables, changes)
  return kept


def test_a_cut_graph_finds_the_same_bit_for_bit(dense, images, found):
  prunable = found[LAYER]
  changes = prunable.changes(0.5)
  assert set(changes) <= set(prunable.variables)
  cut = evaluator.Evaluator(dense.config, dense.tensors, images)
  pruned = dict(dense.tensors, **changes)
  plain = evaluator.Evaluator(dense.config, pruned, images, threads=1)
  ours = _outputs(cut, changes, prunable.variables)
  assert cut.graph.is_cut
  for one, other in zip(ours, _outputs(plain, {}, [])):
    for name in one._fields:
      np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
  dense_found = _outputs(cut, {}, prunable.variables)
  assert not np.array_equal(dense_found[0].scores, ours[0].scores)
  whole = _outputs(cut, {}, [])
  np.testing.assert_array_equal(dense_found[0].scores, whole[0].scores)


def test_loss_is_that_of_the_pruned_weights(dense, images, found):
  prunable = found[LAYER]
  changes = prunable.changes(0.5)
  model = evaluator.Evaluator(dense.config, dense.tensors, images, 'loss')
  before = model.evaluate()['loss']
  lost = model.evaluate(prunable.variables, changes)['loss']
  plain = evaluator.Evaluator(
    dense.config, dict(dense.tensors, **changes), images, 'loss'
  )
  assert plain.evaluate()['loss'] == lost
  assert abs(lost - before) > 1e-3 * before
  assert model.evaluate(prunable.variables, {})['loss'] == before


def test_without_memory_the_whole_graph_is_run(dense, images, found):
  prunable = found[LAYER]
  changes = prunable.changes(0.5)
  roomy, tight = (
    evaluator.Evaluator(
      dense.config, dense.tensors, images, 'loss', cache_megabytes=megabytes
    )
    for megabytes in (100, 0)
  )
  assert roomy.evaluate(prunable.variables, changes) == tight.evaluate(
    prunable.variables, changes
  )
  assert roomy.graph.is_cut
  assert not tight.graph.is_cut


@pytest.mark.parametrize('layer', ['Mixed_4c/Branch_0', 'Mixed_5b/Branch_0'])
def test_loss_of_two_stages_starts_at_a_layer_of_either(layer, data, tmp_path):
  config = detectors.config(detectors.faster_rcnn(), data)
  made = analyses.Dense(tmp_path, config)
  prunable = next(
    each
    for each in prunables.filters(made.network, made.tensors, 'l1')
    if layer in each.name
  )
  reader = eval_inputs.reader(config)
  images = eval_inputs.load(config, reader, eval_inputs.serialized(reader))
  model = evaluator.Evaluator(config, made.tensors, images, 'loss')
  changes = prunable.changes(0.5)
  loss = model.evaluate(prunable.variables, changes)['loss']
  assert model.graph.is_cut
  pruned = dict(made.tensors, **changes)
  plain = evaluator.Evaluator(config, pruned, images, 'loss')
  # The loss of the first stage draws the anchors that it counts.
  assert loss == pytest.approx(plain.evaluate()['loss'], rel=0.01)
  assert loss != pytest.approx(model.evaluate()['loss'], rel=0.01)


def test_a_first_stage_alone_finds_objects_of_all_classes(data, tmp_path):
  config = detectors.config(detectors.faster_rcnn(), data)
  config.model.faster_rcnn.number_of_stages = 1
  proposing = analyses.Dense(tmp_path, config)
  reader = eval_inputs.reader(config)
  images = eval_inputs.load(config, reader, eval_inputs.serialized(reader))
  truths = [image.truth for image in images]
  assert len({each for truth in truths for each in truth.class_ids}) > 1
  model = evaluator.Evaluator(config, proposing.tensors, images)
  assert {each for found in model.graph.run() for each in found[2]} == {1}
  model.graph.run = lambda: [
    (truth.boxes, np.ones(len(truth.boxes)), np.ones(len(truth.boxes)))
    for truth in truths
  ]
  assert model.evaluate()['mAP'] == pytest.approx(1)
