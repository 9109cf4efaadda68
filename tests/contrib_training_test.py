"""A training begins with `tf.contrib.model_pruning` and goes on here, or back.

Both ways within the window, for an SSD and for a Faster R-CNN.
"""

import json

import detectors
import numpy as np
import processes
import pytest
from tensorflow.python.framework import tensor_util

from object_detection_pruning.common import checkpoints
from object_detection_pruning.core import thresholds
from object_detection_pruning.graphs import graph_files

pytest.importorskip(
  'tensorflow.contrib.model_pruning', reason='TensorFlow 2 has no tf.contrib'
)
pytestmark = pytest.mark.slow

_SCHEDULE = 'start_step: 2 end_step: 10 frequency: 2 target_sparsity: 0.75'
_MIDDLE, _END = 6, 12
# Contrib's convolutions: it masks no separable layer, and its fully connected
# ones are not built here.
_DETECTORS = {
  'ssd': (detectors.ssd, 'include: ""'),
  'faster_rcnn': (
    detectors.faster_rcnn,
    'include: "" exclude: "Conv2d_1a_7x7" exclude: "SecondStageBoxPredictor"',
  ),
}


@pytest.fixture(scope='module')
def data(tmp_path_factory):
  return detectors.make_data(tmp_path_factory.mktemp('data'))


@pytest.fixture(params=sorted(_DETECTORS))
def configs(request, data, tmp_path):
  """Pipeline configs of contrib's program, and of ours."""
  build, layers = _DETECTORS[request.param]
  return [
    detectors.write(
      detectors.config(build(masked=masked), data, pruning=text),
      tmp_path / name,
    )
    for name, masked, text in (
      ('contrib', False, ''),
      ('ours', True, f'{layers} {_SCHEDULE}'),
    )
  ]


def train_with_contrib(config, folder, last_step):
  """Trains; gives the sparsity of each layer's mask when that began."""
  result = processes.python('-m', 'contrib_program', config, folder, last_step)
  assert result.returncode == 0, result.stderr[-3000:]
  found = json.loads(result.stdout.splitlines()[-1])
  return {name[: -len('/mask')]: value for name, value in found.items()}


def train_with_ours(config, folder, last_step):
  """Trains by the whole command."""
  result = processes.python(
    '-m',
    'object_detection_pruning.model_main',
    f'--pipeline_config_path={config}',
    f'--model_dir={folder}',
    f'--num_train_steps={last_step}',
  )
  assert result.returncode == 0, result.stderr[-3000:]


def latest(folder, step):
  """Reads the checkpoint of a step, which is the last one."""
  values = checkpoints.read(checkpoints.resolve(str(folder)))
  assert values['global_step'] == step
  return values


def masks_of(values):
  """Gives the masks of a checkpoint by layer."""
  return {
    name[: -len('/mask')]: value
    for name, value in values.items()
    if name.endswith('/mask')
  }


def test_contribs_training_goes_on_here_and_is_exported(configs, tmp_path):
  contrib, ours = configs
  train_with_contrib(contrib, tmp_path / 'model', _MIDDLE)
  before = masks_of(latest(tmp_path / 'model', _MIDDLE))
  assert all(0.2 < (mask == 0).mean() < 0.7 for mask in before.values())
  train_with_ours(ours, tmp_path / 'model', _END)
  values = latest(tmp_path / 'model', _END)
  after = masks_of(values)
  assert set(after) == set(before)
  for layer, mask in after.items():
    zeros = thresholds.zeros_for(0.75, mask.size)
    assert (mask == 0).sum() == zeros, layer
  result = processes.python(
    '-m',
    'object_detection_pruning.export_inference_graph',
    f'--pipeline_config_path={ours}',
    f'--checkpoint={tmp_path / "model"}',
    f'--output_dir={tmp_path / "export"}',
  )
  assert result.returncode == 0, result.stderr[-3000:]
  graph = graph_files.parse_frozen_graph(
    str(tmp_path / 'export' / 'frozen_inference_graph.pb')
  )
  found = {
    node.name: tensor_util.MakeNdarray(node.attr['value'].tensor)
    for node in graph.node
    if node.op == 'Const'
  }
  for layer, mask in after.items():
    name = f'{layer}/weights'
    np.testing.assert_array_equal(found[name], values[name] * mask, name)


def test_our_training_goes_on_under_contribs_pruning(configs, tmp_path):
  contrib, ours = configs
  train_with_ours(ours, tmp_path / 'model', _MIDDLE)
  before = masks_of(latest(tmp_path / 'model', _MIDDLE))
  started = train_with_contrib(contrib, tmp_path / 'model', _END)
  # Contrib has read our masks, all of them.
  assert started == pytest.approx(
    {layer: (mask == 0).mean() for layer, mask in before.items()}, abs=1e-6
  )
  assert min(started.values()) > 0.5
  after = masks_of(latest(tmp_path / 'model', _END))
  assert set(after) == set(before)
  for layer, mask in after.items():
    # Contrib cuts by a threshold alone, so it may miss by a few weights.
    assert (mask == 0).mean() == pytest.approx(0.75, abs=0.02), layer
