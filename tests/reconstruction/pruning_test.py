import numpy as np
import pytest
import small_detector
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.reconstruction import distance as distances
from object_detection_pruning.reconstruction import (
  kernel_layers,
  layerwise,
  photo_batches,
  progress_file,
  pruning,
  refinement,
  request,
)
from object_detection_pruning.reconstruction import model as models
from object_detection_pruning.reconstruction import network as networks
from object_detection_pruning.reconstruction import survey as surveys

_OUTPUTS = ['detection_scores:0', 'detection_boxes:0']


def _pruner(model, photos=None, **settings):
  settings.setdefault('min_weights', 100)
  return pruning.Pruner(
    model,
    small_detector.photos() if photos is None else photos,
    request.Request(**settings),
  )


def _outputs(graph_def):
  return small_detector.run(graph_def, _OUTPUTS, small_detector.photos())


def test_no_zeros_leave_the_outputs_as_they_are(model):
  values, layers = _pruner(model, sparsity=0).run()
  before = _outputs(model.graph_def)
  after = _outputs(models.with_values(model, values))
  for a, b in zip(before, after):
    np.testing.assert_allclose(a, b, atol=1e-5)
  assert all(layer.error is None for layer in layers)


@pytest.mark.parametrize('method', ['uniform', 'equal_error', 'least_cost'])
def test_the_number_of_zeros_is_exact_over_all_pruned_kernels(model, method):
  pruner = _pruner(model, sparsity=0.43, allocation=method)
  values, layers = pruner.run()
  zeros = sum(np.sum(values[each.constant] == 0) for each in pruner.chosen)
  size = sum(each.kernel.size for each in pruner.chosen)
  assert zeros == int(round(0.43 * size))
  assert zeros == sum(layer.zeros for layer in layers if layer.pruned)


def test_layers_that_are_not_chosen_keep_the_zeros_that_they_have(model):
  dense = {
    layer.constant: layer.kernel
    for layer in _pruner(model, sparsity=0.5).layers
  }
  sparse = {
    name: np.where(np.abs(kernel) < np.median(np.abs(kernel)), 0, kernel)
    for name, kernel in dense.items()
  }
  before = model._replace(graph_def=models.with_values(model, sparse))
  values, _ = _pruner(before, sparsity=0.75, include=['first']).run()
  refitted = set(values) & set(sparse) - {'first/weights'}
  assert {'depth/depthwise_weights', 'down/weights'} <= refitted
  for name in refitted:
    np.testing.assert_array_equal(values[name] == 0, sparse[name] == 0)
    assert np.any(values[name] != sparse[name])
  assert np.mean(values['first/weights'] == 0) == 0.75


@pytest.mark.parametrize('pattern,zeros', [('2:4', 0.5), ('4x1', 0.25)])
def test_patterns_are_exact_in_every_kernel(model, pattern, zeros):
  pruner = _pruner(
    model,
    sparsity=zeros,
    allocation='uniform',
    granularity=pattern,
    include=['point|down'],
  )
  values, _ = pruner.run()
  for layer in pruner.chosen:
    kernel = values[layer.constant]
    groups = kernel.reshape(-1, 4, kernel.shape[-1]) == 0
    if pattern == '2:4':
      assert (groups.sum(1) == 2).all()
    else:
      assert ((groups.sum(1) == 4) | (groups.sum(1) == 0)).all()
      assert groups.mean() == pytest.approx(0.25)


def test_refitted_layers_lose_far_less_than_largest_weights(model):
  pruner = _pruner(model, sparsity=0.5, allocation='uniform')
  values, _ = pruner.run()
  magnitude = dict(pruner.network.dense)
  for layer in pruner.chosen:
    kernel = layer.kernel.copy()
    kernel[np.abs(kernel) < np.median(np.abs(kernel))] = 0
    magnitude[layer.constant] = kernel
  dense, fitted, plain = (
    _outputs(models.with_values(model, each))
    for each in (pruner.network.dense, values, magnitude)
  )
  for d, f, p in zip(dense, fitted, plain):
    assert np.square(f - d).mean() < 0.3 * np.square(p - d).mean()


def test_the_means_of_outputs_stay_the_dense_ones(model):
  values, _ = _pruner(model, sparsity=0.6).run()
  for graph_tensor in ('down/BatchNorm/norm:0', 'class/all:0'):
    dense, pruned = (
      small_detector.run(graph, graph_tensor, small_detector.photos())
      for graph in (model.graph_def, models.with_values(model, values))
    )
    axes = tuple(range(dense.ndim - 1))
    np.testing.assert_allclose(dense.mean(axes), pruned.mean(axes), atol=2e-2)


def test_the_reported_error_is_that_of_the_written_model(model):
  pruner = _pruner(model, sparsity=0.5, allocation='uniform')
  values, layers = pruner.run()
  dense, pruned = (
    small_detector.run(graph, 'down/c:0', small_detector.photos()).reshape(
      -1, 32
    )
    for graph in (model.graph_def, models.with_values(model, values))
  )
  counts = pruner.costs()['down/weights']
  difference = (pruned - pruned.mean(0)) - (dense - dense.mean(0))
  error = np.square(difference).mean(0) @ counts / (dense.var(0) @ counts)
  (reported,) = [layer.error for layer in layers if layer.name == 'down']
  assert reported == pytest.approx(error, rel=0.03)


def test_a_run_that_was_killed_goes_on_from_the_last_layer(
  model, tmp_path, monkeypatch
):
  whole, _ = _pruner(model, sparsity=0.5, allocation='uniform').run()
  fits = []
  real = layerwise.fit

  def dying(layer, *args, **kwargs):
    if len(fits) == 3:
      raise KeyboardInterrupt
    fits.append(layer.name)
    return real(layer, *args, **kwargs)

  monkeypatch.setattr(layerwise, 'fit', dying)
  with pytest.raises(KeyboardInterrupt):
    _pruner(model, sparsity=0.5, allocation='uniform').run(
      progress_file.Folder(tmp_path, 'a')
    )
  first = list(fits)

  def counting(layer, *args, **kwargs):
    fits.append(layer.name)
    return real(layer, *args, **kwargs)

  monkeypatch.setattr(layerwise, 'fit', counting)
  values, _ = _pruner(model, sparsity=0.5, allocation='uniform').run(
    progress_file.Folder(tmp_path, 'a')
  )
  assert not set(first) & set(fits[3:]), 'no layer is fitted twice'
  for name, value in whole.items():
    np.testing.assert_allclose(values[name], value, atol=1e-6)


def test_parts_of_another_run_are_refused(tmp_path):
  progress_file.Folder(tmp_path, 'a')
  with pytest.raises(errors.InputError, match='another'):
    progress_file.Folder(tmp_path, 'b')


def _without_small_weights(pruner):
  values = dict(pruner.network.dense)
  for layer in pruner.chosen:
    small = np.abs(layer.kernel) < np.median(np.abs(layer.kernel))
    values[layer.constant] = np.where(small, 0, layer.kernel)
  return values


def test_refinement_comes_nearer_and_keeps_the_zeros(model):
  pruner = _pruner(model, sparsity=0.5)
  values = _without_small_weights(pruner)
  state = pruner.refine(values, refinement.Setting(40, 4, rate=5e-3))
  assert np.mean(state.losses[-5:]) < 0.5 * np.mean(state.losses[:5])
  for layer in pruner.chosen:
    before, after = values[layer.constant], state.values[layer.constant]
    assert (after[before == 0] == 0).all()
    assert np.any(after != before)


def test_refinement_that_does_harm_leaves_the_values_as_they_were(model):
  pruner = _pruner(model, sparsity=0.3)
  values, _ = pruner.run()
  state = pruner.refine(values, refinement.Setting(20, 2, rate=10.0))
  assert state.distances[-1] > state.distances[0]
  for name, value in values.items():
    np.testing.assert_array_equal(state.best[name], value)


def test_refinement_gives_the_state_that_was_best_on_photos_left_out(model):
  pruner = _pruner(model, sparsity=0.5)
  values = _without_small_weights(pruner)
  state = pruner.refine(values, refinement.Setting(40, 4, rate=5e-3))
  assert min(state.distances) < 0.7 * state.distances[0]
  distance = distances.Distance(
    pruner.network, pruner.layers, pruner.predictions
  )
  held_out = photo_batches.PhotoBatches(len(pruner.feeds), 4).held_out
  left_out = [pruner.feeds[n] for n in held_out]
  found = np.mean([distance.loss(fed, state.best) for fed in left_out])
  assert found == pytest.approx(min(state.distances), rel=1e-4)


def test_refinement_goes_on_as_if_it_had_not_been_killed(model, tmp_path):
  pruner = _pruner(model, sparsity=0.5, allocation='uniform')
  values, _ = pruner.run()
  whole = pruner.refine(values, refinement.Setting(24, batch_size=2))
  kept = progress_file.Folder(tmp_path, 'a')

  class Killed(Exception):
    pass

  class Dying(progress_file.Folder):
    def save(self, name, part):
      super().save(name, part)
      if name == 'refinement':
        raise Killed

  with pytest.raises(Killed):
    pruner.refine(
      values, refinement.Setting(24, batch_size=2), Dying(tmp_path, 'a')
    )
  assert kept.load('refinement').step == 20
  resumed = pruner.refine(values, refinement.Setting(24, batch_size=2), kept)
  for name, value in whole.values.items():
    np.testing.assert_allclose(resumed.values[name], value, atol=1e-6)


def test_a_graph_with_nothing_to_prune_is_refused(model):
  with pytest.raises(errors.InputError, match='small.pb has nothing to prune'):
    _pruner(model, sparsity=0.5, min_weights=10**6)


def test_a_pattern_without_a_layer_is_refused(model):
  with pytest.raises(errors.InputError, match='nowhere'):
    _pruner(model, sparsity=0.5, include=['nowhere'])


def test_a_sparsity_that_no_allocation_reaches_is_refused(model):
  with pytest.raises(errors.InputError, match='at most 99% can go'):
    _pruner(model, sparsity=0.995)


def test_a_survey_takes_no_more_photos_than_it_needs(model):
  pruner = _pruner(model, sparsity=0.5)
  (down,) = [each for each in pruner.chosen if each.constant == 'down/weights']
  fed = pruner.feeds[0]
  enough = surveys.enough_photos(pruner.network, fed, [down])
  inputs, positions = 9 * 32, 6 * 6
  assert enough == -(-4 * inputs // positions)
  assert surveys.enough_photos(pruner.network, fed, pruner.chosen) == enough


def test_what_pooling_makes_of_a_border_is_computed_again():
  with tf.Graph().as_default() as graph:
    image = tf.placeholder(tf.float32, [1, 8, 8, 4], name='image')
    rng = np.random.RandomState(0)

    def conv(net, name):
      kernel = tf.constant(rng.randn(1, 1, 4, 4).astype('f'), name=name)
      return tf.nn.conv2d(net, kernel, 1, 'SAME', name=f'{name}/c')

    first = tf.nn.relu(conv(image, 'first'), name='before')
    pooled = tf.nn.avg_pool2d(first, 3, 1, 'SAME')
    tf.concat([conv(first, 'a'), conv(pooled, 'b')], 3, name='end')
  graph_def = graph.as_graph_def()
  layers = kernel_layers.find(graph_def).layers
  network = networks.Network(graph_def, layers)
  inputs, outputs = [network.tensor('image')], [network.tensor('end')]

  def border(*ahead):
    found = network.border(inputs, ahead, outputs)
    return [tensor.op.name for tensor in found]

  assert border('a', 'b') == ['before']
  assert border('b') == ['AvgPool', 'a/c']
  assert border('first', 'a', 'b') == ['image']


def test_layer_whose_outputs_are_no_numbers_is_named(model):
  layer = _pruner(model, sparsity=0.5).chosen[0]
  huge = {layer.constant: layer.kernel * np.float32(1e25)}
  overflowing = model._replace(graph_def=models.with_values(model, huge))
  with pytest.raises(errors.InputError) as error:
    _pruner(overflowing, sparsity=0.5, allocation='equal_error').run()
  assert 'is not a number' in str(error.value)
  assert '\n' not in str(error.value)
