"""`scripts/prune_filters.sh`, with a Python that only notes its arguments."""

import os
import shutil
import subprocess

import processes
import pytest

PYTHON = """#!/bin/bash
shift
name=${1#object_detection_pruning.}
shift
echo "$name $*" >>"$LOG"
for flag; do
  case $flag in
    --output_dir=*)
      mkdir -p "${flag#*=}" && touch "${flag#*=}/pipeline.config" ;;
    --output_directory=*)
      mkdir -p "${flag#*=}" && touch "${flag#*=}/sparsity.json" ;;
  esac
done
[ "$name" != "$FAILS" ]
"""


@pytest.fixture
def run(tmp_path):
  """Runs the script; gives its exit status and what it started, by name."""
  scripts = tmp_path / 'scripts'
  scripts.mkdir()
  source = os.path.join(processes.ROOT, 'scripts/prune_filters.sh')
  shutil.copy(source, str(scripts))
  (scripts / 'setup.sh').write_text('')
  python = tmp_path / '.venv/bin/python'
  python.parent.mkdir(parents=True)
  python.write_text(PYTHON)
  python.chmod(0o755)
  log = tmp_path / 'log'

  def start(*arguments, fails=''):
    log.write_text('')
    result = subprocess.run(
      ['bash', str(scripts / 'prune_filters.sh'), *arguments],
      env=dict(os.environ, LOG=str(log), FAILS=fails),
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
    )
    lines = log.read_text().splitlines()
    return result, [tuple(line.split(' ')) for line in lines]

  return start


def test_prunes_retrains_exports_and_compares(run, tmp_path):
  out = str(tmp_path / 'out')
  result, started = run('a.config', 'b.ckpt', out, '30', '--ratio=0.4')
  assert result.returncode == 0, result.stderr
  assert [command[0] for command in started] == [
    'prune_channels',
    'export_inference_graph',
    'export_inference_graph',
    'model_main',
    'export_inference_graph',
    'compare_models',
  ]
  narrow = f'--pipeline_config_path={out}/pruned/pipeline.config'
  assert started[0][1:] == (
    '--pipeline_config_path=a.config',
    '--checkpoint=b.ckpt',
    f'--output_dir={out}/pruned',
    '--ratio=0.4',
  )
  assert started[1][1:3] == (
    '--pipeline_config_path=a.config',
    '--trained_checkpoint_prefix=b.ckpt',
  )
  assert started[2][1:3] == (
    narrow,
    f'--trained_checkpoint_prefix={out}/pruned/model.ckpt',
  )
  assert started[3][1:] == (
    narrow,
    f'--model_dir={out}/retrained',
    '--num_train_steps=30',
  )
  assert started[4][1:3] == (
    narrow,
    f'--trained_checkpoint_prefix={out}/retrained',
  )
  graph = 'export/frozen_inference_graph.pb'
  assert (
    f'--models=dense={out}/dense/{graph},pruned={out}/pruned/{graph},'
    f'retrained={out}/retrained/{graph}'
  ) in started[5]


def test_what_is_done_is_not_redone(run, tmp_path):
  arguments = ('a.config', 'b.ckpt', str(tmp_path / 'out'), '30', '--ratio=0.4')
  run(*arguments)
  _, started = run(*arguments)
  assert [command[0] for command in started] == ['model_main', 'compare_models']


def test_ends_where_a_step_fails(run, tmp_path):
  arguments = ('a.config', 'b.ckpt', str(tmp_path / 'out'), '30', '--ratio=2')
  result, started = run(*arguments, fails='prune_channels')
  assert result.returncode == 1
  assert [command[0] for command in started] == ['prune_channels']


def test_too_few_arguments_give_the_usage(run):
  result, started = run('a.config', 'b.ckpt')
  assert result.returncode == 2
  assert b'usage: bash scripts/prune_filters.sh CONFIG CHECKPOINT' in (
    result.stderr
  )
  assert not started
