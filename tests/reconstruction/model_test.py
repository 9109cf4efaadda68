import numpy as np
import pytest
import small_detector
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import graph_files
from object_detection_pruning.reconstruction import (
  job,
  photos,
  refinement,
  request,
)

_PHOTOS = photos.Photos(small_detector.photos(4))
_REQUEST = request.Request(sparsity=0.5, min_weights=300, max_rows=2000)


def _with_features():
  """A detector that also gives out features, as a stock Faster R-CNN does.

  They use a kernel of the detector once more, and have one of their own.
  """
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(small_detector.graph_def(detects=True), name='')
    used, small = (
      graph.get_tensor_by_name(name) for name in ('down/weights:0', 'down/c:0')
    )
    net = tf.nn.conv2d(small, used, 2, 'SAME', name='again/c')
    own = np.random.RandomState(1).randn(1, 1, 32, 40).astype('f')
    own = tf.constant(own, name='own/weights')
    net = tf.nn.conv2d(net, own, 1, 'SAME', name='own/c')
    tf.identity(net, 'detection_features')
    return graph.as_graph_def()


@pytest.fixture(scope='module')
def pruned(tmp_path_factory):
  """The report and the graph that come of the dense one."""
  folder = tmp_path_factory.mktemp('model')
  path = folder / 'dense.pb'
  path.write_bytes(_with_features().SerializeToString())
  source = job.Source(graph=str(path))
  report = job.run(
    source, _PHOTOS, _REQUEST, refinement.Setting(0), str(folder / 'out')
  )
  return report, graph_files.read(
    str(folder / 'out' / 'frozen_inference_graph.pb')
  ).graph_def


def test_all_outputs_stay(pruned):
  _, graph_def = pruned
  names = ['detection_features:0', 'down/weights:0', 'own/weights:0']
  features, shared, own = small_detector.run(
    graph_def, names, small_detector.photos(1)
  )
  assert features.shape[-1] == 40 and np.isfinite(features).all()
  assert np.mean(shared == 0) > 0.3
  assert np.all(own != 0)


def test_kernels_that_no_detection_needs_are_left_alone(pruned):
  report, _ = pruned
  assert report.left_alone == {'own/c': 'no detection depends on it'}
