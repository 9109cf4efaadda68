"""A training run that many tests look at, made once for all test processes."""

import contextlib
import json
import os
import signal
import time
from typing import NamedTuple

import detectors
import filelock
import processes
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.export import exporter, tflite
from object_detection_pruning.sparse_ops import exporting as sparse_exporting

LAST_STEP = 12
SPARSITY = 0.75
# Off the grid of the frequency: updates at 2, 5, 8 and 9.
FLAGS = (
  f'--num_train_steps={LAST_STEP}',
  f'--sparsity={SPARSITY}',
  '--pruning_start_step=2',
  '--pruning_end_step=9',
  '--pruning_frequency=3',
  '--save_checkpoints_steps=4',
  '--seed=7',
)


class Run(NamedTuple):
  """A run of `model_main` that was killed and started again.

  Attributes:
    folder: what is below.
    model_dir: of the run, complete.
    config_path: the pipeline config it was started with.
    data: what it was trained on.
    killed_at: the latest checkpoint when it was killed.
    first_log: stderr of the process that was killed.
    second_log: stderr of the one that went on to the end.
  """

  folder: str
  model_dir: str
  config_path: str
  data: detection_data.DetectionData
  killed_at: str
  first_log: str
  second_log: str


@contextlib.contextmanager
def made_once(folder: str):
  """Yields whether the caller is the one to make what is in the folder."""
  os.makedirs(folder, exist_ok=True)
  with filelock.FileLock(folder + '.lock'):
    done = folder + '.done'
    yield not os.path.exists(done)
    open(done, 'w').close()


@pytest.fixture(scope='session')
def shared_folder(tmp_path_factory):
  """A folder that all processes of one test run have in common."""
  base = tmp_path_factory.getbasetemp()
  return str(base.parent if 'PYTEST_XDIST_WORKER' in os.environ else base)


@pytest.fixture(scope='session')
def data(shared_folder):
  """A few small images to train and evaluate on."""
  folder = os.path.join(shared_folder, 'shapes')
  with made_once(folder):
    return detectors.make_data(folder)


@pytest.fixture(scope='session')
def run(shared_folder, data):
  """A pruned SSD, from a process that was killed and one that went on."""
  folder = os.path.join(shared_folder, 'run')
  result = os.path.join(folder, 'run.json')
  with made_once(folder) as is_ours:
    if is_ours:
      made = _train(folder, data)
      with open(result, 'w') as file:
        json.dump(made._replace(data=None)._asdict(), file)
  with open(result) as file:
    return Run(**json.load(file))._replace(data=data)


def _train(folder, data) -> Run:
  config_path = detectors.write(
    detectors.config(detectors.ssd(masked=True), data), folder
  )
  model_dir = os.path.join(folder, 'model')
  command = [
    '-m',
    'object_detection_pruning.model_main',
    f'--pipeline_config_path={config_path}',
    f'--model_dir={model_dir}',
  ] + list(FLAGS)
  first = processes.start(*command)
  killed_at = os.path.join(model_dir, 'model.ckpt-4')
  while first.poll() is None and _latest(model_dir) != killed_at:
    time.sleep(0.05)
  first.send_signal(signal.SIGKILL)
  _, first_log = first.communicate()
  assert first.returncode == -signal.SIGKILL, first_log
  second = processes.python(*command)
  assert second.returncode == 0, second.stderr
  return Run(
    folder, model_dir, config_path, data, killed_at, first_log, second.stderr
  )


def _latest(model_dir):
  try:
    return tf.train.latest_checkpoint(model_dir)
  except tf.errors.OpError:  # It is being written.
    return None


@pytest.fixture(scope='module')
def checkpoint(run):
  """Prefix of the last checkpoint of the pruned SSD."""
  return checkpoints.resolve(run.model_dir)


@pytest.fixture(scope='module')
def config(run):
  """The pipeline config that the run wrote beside it."""
  return pipeline.load(os.path.join(run.model_dir, 'pipeline.config'))


@pytest.fixture(scope='session')
def exported(shared_folder, run):
  """The pruned SSD in every format: the folder."""
  folder = os.path.join(shared_folder, 'exported')
  with made_once(folder) as is_ours:
    if is_ours:
      config = pipeline.load(run.config_path)
      exporter.export(config, checkpoints.resolve(run.model_dir), folder)
      sparse_exporting.export(
        os.path.join(folder, exporter.FROZEN_GRAPH),
        os.path.join(folder, sparse_exporting.SPARSE_GRAPH),
        seconds=0,
      )
      tflite.export(config, checkpoints.resolve(run.model_dir), folder)
  return folder
