"""The exported graph of a narrow detector holds what its plan says."""

import os

import detectors
import exported_graphs
import networks
import numpy as np
import pytest

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import pruning, surgery
from object_detection_pruning.common import checkpoints
from object_detection_pruning.export import exporter


@pytest.mark.parametrize('name', networks.ONE_BY_DEFAULT)
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
  assert exported_graphs.size_and_work(folder) == tuple(plan.cost())
  saved = pipeline.load(os.path.join(folder, 'pipeline.config'))
  assert pipeline.pruning_message(saved) == pipeline.pruning_message(
    narrow_config
  )
