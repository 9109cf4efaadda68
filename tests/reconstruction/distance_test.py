import numpy as np
import pytest
import small_detector

from object_detection_pruning.reconstruction import distance as distances
from object_detection_pruning.reconstruction import pruning, request


@pytest.fixture(scope='module')
def pruner(model):
  return pruning.Pruner(
    model,
    small_detector.photos(),
    request.Request(sparsity=0.5, min_weights=100),
  )


@pytest.fixture(scope='module')
def distance(pruner):
  return distances.Distance(pruner.network, pruner.layers, pruner.predictions)


def _changed(values, name, by):
  return dict(values, **{name: (values[name] + by).astype(np.float32)})


def test_the_dense_network_is_at_no_distance(pruner, distance):
  loss, gradients = distance.measure(pruner.feeds[0], pruner.network.dense)
  assert loss == pytest.approx(0, abs=1e-6)
  assert all(np.allclose(each, 0, atol=1e-5) for each in gradients.values())


@pytest.mark.parametrize(
  'name',
  [
    'point/weights',
    'class/weights',
    'point/BatchNorm/moving_mean',
    'depth/BatchNorm/moving_mean',
    'class/bias',
  ],
)
def test_gradients_are_those_of_the_loss(pruner, distance, name):
  rng = np.random.RandomState(0)
  values = _changed(
    pruner.network.dense,
    'down/weights',
    0.1 * rng.randn(*pruner.network.dense['down/weights'].shape),
  )
  fed = pruner.feeds[0]
  _, gradients = distance.measure(fed, values)
  gradient = gradients[name]
  step = 1e-2 * gradient / np.sqrt(np.square(gradient).sum())
  higher = distance.loss(fed, _changed(values, name, step))
  lower = distance.loss(fed, _changed(values, name, -step))
  assert higher - lower == pytest.approx(2 * (gradient * step).sum(), rel=0.05)


def test_constant_behind_a_scale_of_zero_moves_nothing(pruner):
  def first_is_zero(site):
    if site.shift is None:
      return site
    factor = site.shift.factor.copy()
    factor[0] = 0
    return site._replace(shift=site.shift._replace(factor=factor))

  layers = [
    layer._replace(sites=[first_is_zero(site) for site in layer.sites])
    for layer in pruner.layers
  ]
  measured = distances.Distance(pruner.network, layers, pruner.predictions)
  values = _changed(pruner.network.dense, 'down/weights', 0.1)
  _, gradients = measured.measure(pruner.feeds[0], values)
  assert all(np.isfinite(each).all() for each in gradients.values())
  assert gradients['class/bias'][0] == 0 != gradients['class/bias'][1]
