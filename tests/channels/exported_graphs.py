"""What an exported graph holds, counted from its ops alone."""

import os

import detectors
import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.export import exporter

_WORK = ('Conv2D', 'DepthwiseConv2dNative', 'MatMul')


def size_and_work(folder):
  """Gives (parameters, MACs) of the frozen graph of an export."""
  graph = _load(folder)
  # Frozen variables are read through an identity of their name.
  params = sum(
    op.outputs[0].shape.num_elements()
    for op in graph.get_operations()
    if op.type == 'Const'
    and f'{op.name}/read' in {o.name for o in op.outputs[0].consumers()}
  )
  work = [op for op in graph.get_operations() if op.type in _WORK]
  with tf.Session(graph=graph) as session:
    image = np.zeros([1, detectors.IMAGE_SIZE, detectors.IMAGE_SIZE, 3])
    with graph.as_default():
      sizes = [tf.shape(op.outputs[0]) for op in work]
    shapes = session.run(sizes, {'image_tensor:0': image})
  macs = sum(
    int(np.prod(shape[:-1])) * op.inputs[1].shape.num_elements()
    for op, shape in zip(work, shapes)
  )
  return params, macs


def widths(folder):
  """Gives the number of filters of each convolution, by name of its kernel."""
  return {
    op.inputs[1].op.inputs[0].op.name: op.inputs[1].shape.as_list()[-1]
    for op in _load(folder).get_operations()
    if op.type == 'Conv2D'
  }


def _load(folder):
  message = tf.GraphDef()
  with open(os.path.join(folder, exporter.FROZEN_GRAPH), 'rb') as file:
    message.ParseFromString(file.read())
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(message, name='')
  return graph
