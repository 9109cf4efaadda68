import numpy as np
import pytest
import small_detector

from object_detection_pruning.reconstruction import kernel_layers, layer_times


@pytest.fixture(scope='module')
def layers(model):
  found = kernel_layers.find(model.graph_def).layers
  return [layer for layer in found if layer.kind != kernel_layers.DEPTHWISE]


def test_kernels_get_their_share_of_zeros(layers):
  values = layer_times.zeroed(layers, 0.65)
  for layer in layers:
    kernel = values[layer.constant]
    zeros = kernel.size - np.count_nonzero(kernel)
    assert zeros == int(round(0.65 * kernel.size))
    kept = kernel != 0
    np.testing.assert_array_equal(kernel[kept], layer.kernel[kept])


def test_every_layer_has_a_time_at_every_level(model, layers):
  times = layer_times.measure(
    model, layers, (0.0, 0.9), small_detector.photos()[0]
  )
  assert times.shape == (len(layers), 2)
  assert (times > 0).all()


def _two(layers):
  """Two layers whose kernels have 1 to 3 parts of the size of both."""
  first, second = layers[:2]
  return [
    first._replace(kernel=np.ones((1, 1, 1, 10))),
    second._replace(kernel=np.ones((1, 1, 3, 10))),
  ]


def test_layers_of_one_op_share_its_time_by_their_size(layers):
  two = _two(layers)
  nodes = [layer.sites[0].node for layer in two]
  found = layer_times.shared_out(
    two,
    [{}, {'both': nodes + ['depth']}],
    [
      {nodes[0]: 3.0, nodes[1]: 4.0, 'depth': 1.0, 'other': 9.0},
      {'both': 2.0, 'other': 9.0},
    ],
  )
  # What runs beside them in the op counts where it runs for itself too.
  np.testing.assert_allclose(found, [[2.0, 0.5], [6.0, 1.5]])


def test_layers_of_their_own_ops_have_their_own_times(layers):
  two = _two(layers)
  nodes = [layer.sites[0].node for layer in two]
  found = layer_times.shared_out(
    two,
    [{}, {'sparse': [nodes[0], 'relu']}],
    [
      {nodes[0]: 3.0, nodes[1]: 4.0, 'relu': 0.5},
      {'sparse': 1.0, nodes[1]: 4.0},
    ],
  )
  np.testing.assert_allclose(found, [[3.5, 1.0], [4.0, 4.0]])
