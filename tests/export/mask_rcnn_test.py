"""The export of a Mask R-CNN."""

import detectors
import frozen_graphs
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checkpoints
from object_detection_pruning.core import masking, pruner
from object_detection_pruning.export import exporter


@pytest.fixture(scope='module')
def mask_rcnn(tmp_path_factory):
  """Config and checkpoint of a Mask R-CNN whose every kernel is half masked."""
  prefix = str(tmp_path_factory.mktemp('mask_rcnn') / 'model.ckpt')
  config = detectors.config(
    detectors.faster_rcnn(masked=True, instance_masks=True),
    pruning='include: ""',
  )
  with tf.Graph().as_default():
    tf.train.create_global_step()
    with masking.masking_scope(include=['']):
      detectors.predict(config)
    kernels = masking.masked_kernels()
    assert len(kernels) == 76
    the_pruner = pruner.Pruner(kernels)
    with tf.Session() as session:
      session.run(tf.global_variables_initializer())
      the_pruner.update(session, the_pruner.zeros_for([0.5] * len(kernels)))
      tf.train.Saver().save(session, prefix)
  return config, prefix


@pytest.mark.slow
def test_mask_rcnn_detects_the_same_and_is_written_once(mask_rcnn, tmp_path):
  config, prefix = mask_rcnn
  report = exporter.export(config, prefix, str(tmp_path / 'ours'))
  assert report.masked_sparsity == pytest.approx(0.5, abs=1e-3)
  assert report.total_sparsity > 0.49
  ours = frozen_graphs.read(tmp_path / 'ours')
  assert frozen_graphs.pruning_nodes(ours) == []
  tensors = checkpoints.read(str(tmp_path / 'ours/model.ckpt'))
  weights = sum(array.nbytes for array in tensors.values())
  size = (tmp_path / 'ours/frozen_inference_graph.pb').stat().st_size
  # The second stage is built twice, for boxes and for masks, and its weights
  # are more than half of all.
  assert weights < size < 1.1 * weights
  masked = frozen_graphs.export_unstripped(
    config, prefix, tmp_path / 'masked', ['']
  )
  assert len(frozen_graphs.pruning_nodes(masked)) >= 2 * 76
  outputs = frozen_graphs.OUTPUTS + ['detection_masks']
  frozen_graphs.assert_identical(
    frozen_graphs.detect(ours, outputs=outputs),
    frozen_graphs.detect(masked, outputs=outputs),
  )
