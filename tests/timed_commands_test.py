"""What commands measure runs on the threads that they say.

Each is run in a process that has had a session with more threads before.
"""

import observed_pools
import pytest

from object_detection_pruning.common import sessions

# Two to warm up and three that count.
FEWEST_RUNS = 5


def pools_of(module, *arguments):
  """The threads that each process started which runs a network repeatedly."""
  done, runs = observed_pools.after_a_session(
    'object_detection_pruning.' + module, *arguments
  )
  found = {
    pid: started
    for (pid, _), (count, started) in runs.items()
    if count >= FEWEST_RUNS
  }
  return sorted(found.values()), done.stdout


@pytest.fixture(scope='module')
def flags(run):
  """Names the config and the checkpoint."""
  return (
    f'--pipeline_config_path={run.model_dir}/pipeline.config',
    f'--checkpoint={run.model_dir}',
  )


def test_pools_of_a_first_session_are_told_apart():
  counts = [
    observed_pools.started(*sizes)
    for sizes in ((1, 1), (2, 1), (1, 2), observed_pools.EARLIER)
  ]
  assert counts == [counts[0] + more for more in (0, 1, 1, 6)]


def test_export_times_sparse_and_optimized_graphs_on_one_thread(run, tmp_path):
  pools, shown = pools_of(
    'export_inference_graph',
    f'--pipeline_config_path={run.model_dir}/pipeline.config',
    f'--trained_checkpoint_prefix={run.model_dir}',
    f'--output_directory={tmp_path}',
    '--sparse_ops',
    '--optimize',
  )
  assert shown.count('runs each, in turns') == 2
  assert pools == [observed_pools.started(1, 1)] * 2


@pytest.mark.parametrize('threads', [1, 2])
def test_sparse_graph_is_timed_on_as_many_as_asked(exported, tmp_path, threads):
  pools, _ = pools_of(
    'export_sparse_graph',
    f'--input_graph={exported}/frozen_inference_graph.pb',
    f'--output_graph={tmp_path}/sparse.pb',
    '--measure_seconds=0.1',
    f'--threads={threads}',
  )
  assert pools == [observed_pools.started(threads, 1)]


def test_channels_are_pruned_by_the_latency_on_one_thread(flags):
  # What it has come to hangs on the time, so anything will do.
  pools, _ = pools_of(
    'prune_channels', *flags, '--target_latency=0.99', '--dry_run'
  )
  assert pools == [observed_pools.started(1, 1)]


@pytest.mark.parametrize('workers', [1, 2])
def test_each_op_of_an_analysis_runs_on_one_thread(flags, tmp_path, workers):
  pools, _ = pools_of(
    'analyze_sensitivity',
    *flags,
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


def test_models_are_compared_on_one_thread_and_on_all(exported, data, tmp_path):
  pools, _ = pools_of(
    'compare_models',
    f'--models={exported}/frozen_inference_graph.pb',
    f'--eval_record={data.val_record}',
    f'--label_map={data.label_map}',
    f'--output_dir={tmp_path}',
    '--rounds=3',
  )
  timed = [observed_pools.started(1, 1), observed_pools.started(0, 0)]
  # Accuracy is not timed, and measured in the process of the command.
  accuracy = observed_pools.started(*observed_pools.EARLIER)
  assert pools == sorted(timed + [accuracy])
