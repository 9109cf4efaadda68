"""What commands measure runs on the threads that they say.

Each is run in a process that has had a session with more threads before.
"""

import os

import detectors
import numpy as np
import observed_pools
import pytest

from object_detection_pruning.channels import pruning
from object_detection_pruning.common import checkpoints, sessions

# Two to warm up and three that count.
FEWEST_RUNS = 5


def pools_of(module, *arguments, succeeds=True):
  """The threads that each process started which runs a network repeatedly."""
  done, runs = observed_pools.after_a_session(
    'object_detection_pruning.' + module, *arguments
  )
  assert done.returncode == 0 or not succeeds, done.stderr[-3000:]
  found = {
    pid: started
    for (pid, _), (count, started) in runs.items()
    if count >= FEWEST_RUNS
  }
  return sorted(found.values()), done.stdout


@pytest.fixture(scope='module')
def dense(data, tmp_path_factory):
  """Flags that name the config and a checkpoint of random weights."""
  folder = str(tmp_path_factory.mktemp('dense'))
  config = detectors.config(detectors.ssd(), data)
  random = np.random.RandomState(0)
  tensors = {'global_step': np.int64(1)}
  for name, shape in pruning.analyze(config).shapes.items():
    tensors[name] = random.uniform(0.01, 0.1, shape).astype(np.float32)
  checkpoints.write(os.path.join(folder, 'model.ckpt'), tensors)
  return (
    f'--pipeline_config_path={detectors.write(config, folder)}',
    f'--checkpoint={folder}/model.ckpt',
  )


@pytest.fixture(scope='module')
def export(dense, tmp_path_factory):
  """An export with all that it times: folder, pools, and what it printed."""
  folder = tmp_path_factory.mktemp('export')
  return (
    folder,
    *pools_of(
      'export_inference_graph',
      *dense,
      f'--output_dir={folder}',
      '--sparse_ops',
      '--optimize',
    ),
  )


def test_pools_of_a_first_session_are_told_apart():
  counts = [
    observed_pools.started(*sizes)
    for sizes in ((1, 1), (2, 1), (1, 2), observed_pools.EARLIER)
  ]
  assert counts == [counts[0] + more for more in (0, 1, 1, 6)]


def test_export_times_sparse_and_optimized_graphs_on_one_thread(export):
  _, pools, shown = export
  assert shown.count('runs each, in turns') == 2
  assert pools == [observed_pools.started(1, 1)] * 2


@pytest.mark.parametrize(
  'threads', [pytest.param(1, marks=pytest.mark.slow), 2]
)
def test_sparse_graph_is_timed_on_as_many_as_asked(export, tmp_path, threads):
  pools, _ = pools_of(
    'export_sparse_graph',
    f'--model={export[0]}/frozen_inference_graph.pb',
    f'--output_path={tmp_path}/sparse.pb',
    '--measure_seconds=0.1',
    f'--threads={threads}',
  )
  assert pools == [observed_pools.started(threads, 1)]


@pytest.mark.slow
def test_channels_are_pruned_by_the_latency_on_one_thread(dense):
  # What it comes to hangs on the time: perhaps no channel has to go.
  pools, _ = pools_of(
    'prune_channels',
    *dense,
    '--target_latency=0.99',
    '--dry_run',
    succeeds=False,
  )
  assert pools == [observed_pools.started(1, 1)]


@pytest.mark.slow
@pytest.mark.parametrize('workers', [1, 2])
def test_each_op_of_an_analysis_runs_on_one_thread(dense, tmp_path, workers):
  pools, _ = pools_of(
    'analyze_sensitivity',
    *dense,
    f'--output={tmp_path}/analysis.json',
    f'--workers={workers}',
    '--metric=loss',
    '--ratios=0.25,0.5',
    '--include=Conv2d_[34]_pointwise',
  )
  cores = sessions.cores()
  shares = [max(1, cores // workers)] * workers
  assert pools == sorted(
    observed_pools.started(1, threads) for threads in [cores, *shares]
  )


def test_models_are_compared_on_one_thread_and_on_all(export, data, tmp_path):
  pools, _ = pools_of(
    'compare_models',
    f'--models={export[0]}/frozen_inference_graph.pb',
    f'--eval_record={data.val_record}',
    f'--label_map={data.label_map}',
    f'--output_dir={tmp_path}',
    '--rounds=3',
  )
  # Accuracy is not timed, and takes fewer runs on two images.
  timed = [observed_pools.started(1, 1), observed_pools.started(0, 0)]
  assert pools == sorted(timed)
