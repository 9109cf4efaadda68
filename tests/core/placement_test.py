"""Where masks, updates and counts of them are placed.

No machine of these tests has a GPU. A second device of the processor stands for
one: TensorFlow's placer treats it alike, and says where each op ran.
"""

import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.core import (
  criteria,
  granularity,
  masking,
  pruner,
)

SECOND = '/device:CPU:1'
# What hands in the numbers of zeros and gives them out: a few integers.
OF_COUNTS = {
  *('_Arg', '_Retval', '_Send', '_Recv', '_HostSend', '_HostRecv'),
  *('Const', 'Pack', 'StridedSlice'),
}
PATTERNS = ['weight', '2:4', '4x4', 'filter']


def build():
  with masking.masking_scope():
    x = slim.conv2d(tf.ones([1, 4, 4, 4]), 8, 3, scope='a')
    return slim.conv2d(x, 8, 1, scope='b')


def make_pruner(pattern):
  return pruner.Pruner(
    masking.masked_kernels(),
    criteria.Magnitude(),
    granularity.find(pattern),
  )


def nodes_of_a_run(session, fetch, feed=None):
  """Gives each node that ran, with the device that it ran on."""
  metadata = tf.RunMetadata()
  session.run(
    fetch,
    feed,
    options=tf.RunOptions(output_partition_graphs=True),
    run_metadata=metadata,
  )
  return [node for graph in metadata.partition_graphs for node in graph.node]


@pytest.mark.parametrize('pattern', PATTERNS)
def test_nothing_is_placed_where_the_model_is_not(pattern):
  build()
  make_pruner(pattern)
  operations = tf.get_default_graph().get_operations()
  assert len(operations) > 100
  assert {op.device for op in operations} == {''}


@pytest.mark.parametrize('pattern', PATTERNS)
def test_masks_and_their_updates_run_where_the_kernels_are(pattern):
  with tf.device(SECOND):
    build()
  the_pruner = make_pruner(pattern)
  config = tf.ConfigProto(device_count={'CPU': 2})
  # Else it would fold away what is asked for.
  config.graph_options.rewrite_options.disable_meta_optimizer = True
  with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    zeros = the_pruner.zeros_for([0.5, 0.5])
    nodes = nodes_of_a_run(
      session, the_pruner._update, {the_pruner._zeros: zeros}
    ) + nodes_of_a_run(session, the_pruner._zeros_now)
    assert the_pruner.measure(session) == zeros
  elsewhere = {node.op for node in nodes if not node.device.endswith(SECOND)}
  assert elsewhere <= OF_COUNTS
  ran = {node.name for node in nodes}
  for kernel in the_pruner.kernels:
    assert {kernel.mask.op.name, kernel.threshold.op.name} <= ran


def test_kernels_on_two_devices_are_updated_each_on_its_own():
  with masking.masking_scope():
    for device in ('/device:CPU:0', SECOND):
      with tf.device(device):
        slim.conv2d(tf.ones([1, 4, 4, 4]), 8, 3, scope=device[-1])
  operations = tf.get_default_graph().get_operations()
  make_pruner('weight')
  first, second = masking.masked_kernels()
  updates = [
    op
    for op in tf.get_default_graph().get_operations()[len(operations) :]
    if op.type == 'Assign'
  ]
  assert {(op.inputs[0].op.name, op.device) for op in updates} == {
    (variable.op.name, kernel.weights.device)
    for kernel in (first, second)
    for variable in (kernel.mask, kernel.threshold)
  }
  assert first.weights.device != second.weights.device
