"""The exported graph of a narrow detector holds what its plan says."""

import os

import detectors
import networks
import numpy as np
import pytest
import tensorflow as tf

from object_detection_pruning import pipeline
from object_detection_pruning.channels import pruning, surgery
from object_detection_pruning.core import checkpoints
from object_detection_pruning.export import exporter

_WORK = ('Conv2D', 'DepthwiseConv2dNative', 'MatMul')


@pytest.mark.parametrize('name', sorted(networks.DETECTORS))
def test_exported_graph_has_the_size_and_work_of_the_plan(name, tmp_path):
  config = detectors.config(networks.DETECTORS[name]())
  network = pruning.analyze(config)
  plan = network.plan(networks.random_plan(network.channels).removed)
  tensors = {
    variable: np.random.RandomState(0).normal(0, 0.05, shape).astype(np.float32)
    for variable, shape in network.shapes.items()
  }
  tensors['global_step'] = np.int64(0)
  prefix = str(tmp_path / 'model.ckpt')
  checkpoints.write(prefix, surgery.narrow(tensors, plan))
  narrow_config = surgery.narrow_config(config, plan)
  folder = str(tmp_path / 'exported')
  exporter.export(
    narrow_config,
    prefix,
    folder,
    input_shape=[1, detectors.IMAGE_SIZE, detectors.IMAGE_SIZE, 3],
  )
  assert _count(folder) == tuple(plan.cost())
  saved = pipeline.load(os.path.join(folder, 'pipeline.config'))
  assert pipeline.pruning_message(saved) == pipeline.pruning_message(
    narrow_config
  )


def _count(folder):
  """Gives (parameters, MACs) of a frozen graph, from its ops alone."""
  message = tf.GraphDef()
  with open(os.path.join(folder, exporter.FROZEN_GRAPH), 'rb') as file:
    message.ParseFromString(file.read())
  tf.import_graph_def(message, name='')
  graph = tf.get_default_graph()
  # Frozen variables are read through an identity of their name.
  params = sum(
    op.outputs[0].shape.num_elements()
    for op in graph.get_operations()
    if op.type == 'Const'
    and f'{op.name}/read' in {o.name for o in op.outputs[0].consumers()}
  )
  work = [op for op in graph.get_operations() if op.type in _WORK]
  with tf.Session() as session:
    image = np.zeros([1, detectors.IMAGE_SIZE, detectors.IMAGE_SIZE, 3])
    shapes = session.run(
      [tf.shape(op.outputs[0]) for op in work], {'image_tensor:0': image}
    )
  macs = sum(
    int(np.prod(shape[:-1])) * op.inputs[1].shape.num_elements()
    for op, shape in zip(work, shapes)
  )
  return params, macs
