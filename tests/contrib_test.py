"""`tf.contrib.model_pruning` reads what we build, names and collections."""

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.core import masking
from object_detection_pruning.nets import masked_mobilenet_v1

model_pruning = pytest.importorskip(
  'tensorflow.contrib.model_pruning', reason='TensorFlow 2 has no tf.contrib'
)
strip_pruning_vars_lib = pytest.importorskip(
  'tensorflow.contrib.model_pruning.python.strip_pruning_vars_lib'
)
IMAGE = np.random.RandomState(0).uniform(-1, 1, [1, 64, 64, 3])


def build():
  """Builds a masked MobileNet V1 of 14 masks."""
  net, _ = masked_mobilenet_v1.masked_mobilenet_v1_base(
    tf.placeholder(tf.float32, [1, 64, 64, 3], name='image'),
    depth_multiplier=0.25,
  )
  return tf.identity(net, 'output')


def test_pruning_of_contrib_finds_and_updates_our_masks():
  build()
  step = tf.train.create_global_step()
  settings = model_pruning.get_pruning_hparams().parse(
    'begin_pruning_step=0,end_pruning_step=1,pruning_frequency=1,'
    'target_sparsity=0.6,sparsity_function_begin_step=0,'
    'sparsity_function_end_step=1,threshold_decay=0.0'
  )
  pruning = model_pruning.Pruning(settings, global_step=step)
  update = pruning.conditional_mask_update_op()
  kernels = masking.masked_kernels()
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for at in range(1, 5):
      session.run(step.assign(at))
      session.run(update)
    masks = session.run([kernel.mask for kernel in kernels])
    thresholds = session.run([kernel.threshold for kernel in kernels])
    weights = session.run([kernel.weights for kernel in kernels])
    reported = session.run(model_pruning.get_weight_sparsity())
  assert len(masks) == len(reported) == 14
  for mask, threshold, weight, sparsity in zip(
    masks, thresholds, weights, reported
  ):
    # Contrib cuts by a threshold alone, so it may miss by a weight.
    assert (mask == 0).mean() == pytest.approx(0.6, abs=0.01)
    assert sparsity == pytest.approx((mask == 0).mean(), abs=1e-6)
    np.testing.assert_array_equal(mask, np.abs(weight) >= threshold)


def test_strip_tool_of_contrib_reads_our_graphs(tmp_path):
  output = build()
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for kernel in masking.masked_kernels():
      shape = kernel.mask.shape.as_list()
      mask = np.random.RandomState(1).uniform(size=shape) > 0.7
      session.run(kernel.mask.assign(mask.astype(np.float32)))
    tf.train.Saver().save(session, str(tmp_path / 'model.ckpt'))
    expected = session.run(output, {'image:0': IMAGE})
  definition = strip_pruning_vars_lib.graph_def_from_checkpoint(
    str(tmp_path), ['output']
  )
  names = {node.name for node in definition.node}
  assert 'MobilenetV1/Conv2d_0/mask' in names
  stripped = strip_pruning_vars_lib.strip_pruning_vars_fn(
    definition, ['output']
  )
  left = {node.name.rpartition('/')[2] for node in stripped.node}
  assert left & {'mask', 'threshold'} == set()
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(stripped, name='')
    found = session.run('output:0', {'image:0': IMAGE})
  np.testing.assert_array_equal(found, expected)
  assert np.unique(expected).size > 100


def test_masks_of_a_whole_detector_are_in_contribs_collections():
  detectors.predict(detectors.config(detectors.ssd(masked=True)))
  assert len(model_pruning.get_masks()) == 22
  assert [mask.op.name for mask in model_pruning.get_masks()] == [
    weights.op.name.rpartition('/')[0] + '/mask'
    for weights in model_pruning.get_weights()
  ]


def test_layers_of_contrib_and_ours_live_in_one_graph():
  x = tf.random_normal([1, 8, 8, 3])
  x = model_pruning.masked_conv2d(x, 4, 3, scope='theirs')
  with masking.masking_scope():
    slim.conv2d(x, 5, 1, scope='ours')
  assert [kernel.layer for kernel in masking.masked_kernels()] == [
    'theirs',
    'ours',
  ]
