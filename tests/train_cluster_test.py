"""`scripts/train_cluster.sh`, and what it trains."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import detectors
import fake_python
import numpy as np
import processes
import pytest

from object_detection_pruning.common import checkpoints
from object_detection_pruning.core import granularity, kernels

NAME = 'train_cluster.sh'
# What ends only when it is told to.
SERVER = 'ps'


@pytest.fixture
def script(tmp_path):
  """The script in a tree of its own, whose environment need not be made."""
  folder = tmp_path / 'a tree/scripts'
  folder.mkdir(parents=True)
  for name in (NAME, 'environment.sh'):
    shutil.copy(os.path.join(processes.ROOT, 'scripts', name), str(folder))
  (folder / 'setup.sh').write_text('')
  return folder / NAME


@pytest.fixture
def python(script):
  return fake_python.FakePython(script.parent.parent / '.venv/bin/python')


@pytest.fixture
def arguments(script, tmp_path):
  """Two workers, two servers, and flags with a space."""
  config = tmp_path / 'a.config'
  config.write_text('')
  model_dir = tmp_path / 'a model'
  flags = [f'--pipeline_config_path={config}', '--hparams_overrides=a b']
  return [str(script), str(model_dir), '2', '2', *flags]


def log_of(arguments, process):
  return os.path.join(arguments[1], 'logs', f'{process}.log')


def assert_ended(started):
  for _, process_id, *_ in started:
    with pytest.raises(ProcessLookupError):
      os.kill(int(process_id), 0)


def test_starts_each_role_and_ends_the_servers_after_the_chief(
  python, arguments
):
  result, started = python.run(*arguments, waits=SERVER)
  assert result.returncode == 0, result.stderr
  assert result.stderr == b''
  assert result.stdout.endswith(b'\nits last line\n')
  tasks = [json.loads(config) for _, _, config, *_ in started]
  (cluster,) = {json.dumps(each['cluster']) for each in tasks}
  cluster = json.loads(cluster)
  assert {role: len(each) for role, each in cluster.items()} == {
    'chief': 1,
    'worker': 2,
    SERVER: 2,
  }
  addresses = sum(cluster.values(), [])
  assert len(set(addresses)) == 5
  for address in addresses:
    host, _, port = address.partition(':')
    assert host == 'localhost'
    # It is free, again or still.
    with socket.socket() as each:
      each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
      each.bind((host, int(port)))
  roles = sorted((e['task']['type'], e['task']['index']) for e in tasks)
  assert roles == [
    ('chief', 0),
    (SERVER, 0),
    (SERVER, 1),
    ('worker', 0),
    ('worker', 1),
  ]
  for task, (_, _, _, *flags) in zip(tasks, started):
    seed = [f'--seed={task["task"]["index"] + 2}']
    is_worker = task['task']['type'] == 'worker'
    assert flags == [
      f'--model_dir={arguments[1]}',
      *arguments[4:],
      *(seed if is_worker else []),
    ]
  for role, index in roles:
    assert os.path.exists(log_of(arguments, f'{role}-{index}'))
  assert_ended(started)


def test_waits_for_an_evaluator_if_one_is_wanted(python, arguments):
  result, started = python.run(*arguments, waits=SERVER, EVALUATOR='yes')
  assert result.returncode == 0, result.stderr
  assert [each[0] for each in started].count('evaluator') == 1
  with open(log_of(arguments, 'evaluator-0')) as file:
    assert file.read() == 'its last line\n'


@pytest.mark.parametrize('role', ['chief', 'worker', SERVER])
def test_one_that_fails_ends_all_and_names_its_log(python, arguments, role):
  result, started = python.run(
    *arguments, fails=role, waits=f'chief worker {SERVER}'
  )
  assert result.returncode == 3
  lines = result.stderr.decode().splitlines()
  assert lines[0] in [
    f'error: {role}-{index} ended with status 3; the last line of '
    f'{log_of(arguments, f"{role}-{index}")}: error: as asked'
    for index in (0, 1)
  ]
  assert not lines[1:]
  assert len(started) == 5
  assert_ended(started)


def test_server_that_ends_by_itself_is_a_failure(python, arguments):
  result, started = python.run(*arguments, waits='chief worker')
  assert result.returncode == 1
  assert result.stderr.startswith(b'error: ps-0 ended with status 0; the last ')
  assert_ended(started)


@pytest.mark.parametrize(
  'number, status, words',
  [(signal.SIGINT, 130, b'Ctrl-C'), (signal.SIGTERM, 143, b'SIGTERM')],
)
def test_ctrl_c_and_sigterm_end_all(python, arguments, number, status, words):
  process = python.start(*arguments, waits=f'chief worker {SERVER}')
  while len(python.started()) < 5:
    assert process.poll() is None
    time.sleep(0.05)
  process.send_signal(number)
  _, errors = process.communicate()
  assert process.returncode == status
  assert errors == (
    words + b': ending the processes; the same command goes on\n'
  )
  assert_ended(python.started())


@pytest.mark.parametrize(
  'changed, words',
  [
    ({1: ''}, 'MODEL_DIR must be a folder here, got '),
    ({1: '--sparsity=0.5'}, 'MODEL_DIR must be a folder here, got --sparsi'),
    ({1: 'gs://a/b'}, 'MODEL_DIR must be a folder here, got gs://a/b'),
    ({2: '0'}, 'WORKERS must be a number from 1 to 99, got 0'),
    ({2: 'two'}, 'WORKERS must be a number from 1 to 99, got two'),
    ({3: '100'}, 'SERVERS must be a number from 1 to 99, got 100'),
    ({3: '--sparsity=0.5'}, 'SERVERS must be a number from 1 to 99, got --s'),
    ({4: '--sparsity=0.5'}, 'FLAGS must have a --pipeline_config_path'),
    ({4: '--teacher_config_path=a'}, 'FLAGS must have a --pipeline_config_p'),
    ({4: '--config=none.config'}, 'no pipeline config at none.config'),
    ({5: '--model_dir=b'}, 'MODEL_DIR is the first argument: leave --model_'),
    (
      {5: '--checkpoint_dir=b'},
      'a cluster trains: use odp model_main without TF_CONFIG for --checkpoin',
    ),
    (
      {5: '--dry_run'},
      'a cluster trains: use odp model_main without TF_CONFIG for --dry_run',
    ),
  ],
)
def test_bad_arguments_are_refused_before_anything_is_started(
  python, arguments, changed, words
):
  wrong = list(arguments)
  for position, value in changed.items():
    wrong[position] = value
  result, started = python.run(*wrong, waits=SERVER)
  assert result.returncode == 2
  (line,) = result.stderr.decode().splitlines()
  assert line.startswith(f'error: {words}')
  assert not started
  assert not os.path.exists(arguments[1])


def test_bad_setting_and_too_few_arguments_are_refused(python, arguments):
  result, started = python.run(*arguments, EVALUATOR='1')
  assert result.stderr == b'error: EVALUATOR must be yes or no, got 1\n'
  result, more = python.run(*arguments[:3])
  assert result.returncode == 2
  assert result.stderr.startswith(b'usage: bash scripts/train_cluster.sh MODEL')
  assert not started + more


@pytest.mark.slow
def test_detector_is_pruned_exactly_by_a_cluster(script, data, tmp_path):
  config = detectors.config(
    detectors.ssd(masked=True),
    data,
    num_steps=40,
    pruning='target_sparsity: 0.75 start_step: 4 end_step: 36 frequency: 4 '
    'criterion: "movement" granularity: "4x4"',
  )
  model_dir = tmp_path / 'model'
  result = subprocess.run(
    [
      *('bash', str(script), str(model_dir), '1', '2'),
      f'--pipeline_config_path={detectors.write(config, tmp_path)}',
      '--throttle_secs=1',
    ],
    env=processes.environment(VENV=sys.prefix, EVALUATOR='yes'),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    timeout=900,
  )
  assert result.returncode == 0, result.stderr
  assert b'\ntrained: step ' in result.stdout
  tensors = checkpoints.read(checkpoints.resolve(str(model_dir)))
  assert tensors['global_step'] >= 40
  shapes = {name: value.shape for name, value in tensors.items()}
  masks = kernels.kernels_with_masks(shapes)
  blocks = granularity.find('4x4')
  for mask in masks.values():
    zeros = np.count_nonzero(tensors[mask] == 0)
    assert zeros == blocks.zeros_for(0.75, shapes[mask]), mask
  with open(str(model_dir / 'logs/evaluator-0.log')) as file:
    assert file.read().count('sparsity of masked kernels 0.7') >= 1
