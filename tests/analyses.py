"""A small detector of random weights, and its analysis by the command."""

import os

import detectors
import numpy as np
import processes
import pytest

from object_detection_pruning.channels import pruning
from object_detection_pruning.common import checkpoints

ANALYZE = 'object_detection_pruning.analyze_sensitivity'
RATIOS = (0.25, 0.5)
# Three groups, two of them in the middle of the network.
FLAGS = (
  '--metric=loss',
  '--ratios=0.5,0.25',
  '--include=Conv2d_[23]_pointwise',
  '--include=Conv2d_13_pointwise$',
)


class Dense:
  """A folder with `pipeline.config` and `model.ckpt`."""

  def __init__(self, folder, config):
    self.folder = str(folder)
    self.config = config
    self.network = pruning.analyze(config)
    self.tensors = random_tensors(self.network.shapes)
    self.path = detectors.write(config, self.folder)
    self.checkpoint = os.path.join(self.folder, 'model.ckpt')
    checkpoints.write(self.checkpoint, self.tensors)

  def arguments(self, output, *more):
    """Gives the flags of an analysis."""
    return [
      f'--pipeline_config_path={self.path}',
      f'--checkpoint={self.checkpoint}',
      f'--output={output}',
    ] + list(more)


def random_tensors(shapes):
  """Gives weights that make activations of a usual size."""
  random = np.random.RandomState(0)
  tensors = {'global_step': np.int64(7)}
  for name, shape in shapes.items():
    values = random.normal(0, 1, shape)
    if len(shape) > 1:
      inputs = shape[:2] if 'depthwise' in name else shape[:-1]
      values *= np.sqrt(4 / np.prod(inputs))
    elif name.endswith(('gamma', 'variance')):
      values = 1 + 0.1 * np.abs(values)
    else:
      values *= 0.1
    tensors[name] = values.astype(np.float32)
  return tensors


@pytest.fixture(scope='session')
def dense(tmp_path_factory, data):
  """The detector."""
  folder = tmp_path_factory.mktemp('dense')
  return Dense(folder, detectors.config(detectors.ssd(), data))


@pytest.fixture(scope='session')
def analysis(dense):
  """Path of the file of an undisturbed analysis."""
  output = os.path.join(dense.folder, 'whole.json')
  result = processes.python('-m', ANALYZE, *dense.arguments(output, *FLAGS))
  assert result.returncode == 0, result.stderr
  return output
