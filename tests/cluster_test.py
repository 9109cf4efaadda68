import json
import os
import socket

import processes
import pytest
import tiny_model

LAST_STEP = 200
TRAINERS = ('chief', 'worker')


def free_ports(count):
  sockets = [socket.socket() for _ in range(count)]
  for each in sockets:
    each.bind(('localhost', 0))
  ports = [each.getsockname()[1] for each in sockets]
  for each in sockets:
    each.close()
  return ports


class Cluster:
  """Processes that train the tiny model together, and end with the block."""

  def __init__(self, folder):
    self._folder = folder
    roles = (*TRAINERS, 'ps')
    self._addresses = {
      role: [f'localhost:{port}'] for role, port in zip(roles, free_ports(3))
    }
    self.processes = {}

  def __enter__(self):
    for role in self._addresses:
      self.start(role)
    return self

  def __exit__(self, *_):
    for process in self.processes.values():
      process.kill()
      process.communicate()

  def start(self, role):
    task = {'type': role, 'index': 0}
    self.processes[role] = processes.start(
      os.path.join(processes.TESTS, 'cluster_worker.py'),
      self._folder,
      LAST_STEP,
      TF_CONFIG=json.dumps({'cluster': self._addresses, 'task': task}),
    )

  def kill(self, role, after_steps):
    """Kills a process the hard way once it has made some steps."""
    process = self.processes[role]
    while after_steps:
      line = process.stdout.readline()
      assert line, process.stderr.read()
      after_steps -= line == 'step\n'
    process.kill()
    process.communicate()

  def output(self, role, timeout=240):
    """Waits for the end of a process; gives what it printed."""
    process = self.processes[role]
    printed, errors = process.communicate(timeout=timeout)
    assert process.returncode == 0, errors
    return printed


def assert_exact(folder):
  latest = tiny_model.latest(folder)
  assert latest['global_step'] >= LAST_STEP
  assert int((latest['net/mask'] == 0).sum()) == 23


def test_only_the_chief_prunes_and_the_final_sparsity_is_exact(tmp_path):
  with Cluster(tmp_path) as cluster:
    chief, worker = (cluster.output(role) for role in TRAINERS)
  # Both took part, and however one's steps made the other cross points of the
  # window, none was updated for twice.
  assert min(chief.count('step'), worker.count('step')) > 20
  start, frequency = (
    tiny_model.WINDOW[name] for name in ('start_step', 'frequency')
  )
  points = [*range(start, LAST_STEP, frequency), LAST_STEP]
  assert 2 <= chief.count('update') <= len(points)
  assert 'update' not in worker
  assert_exact(tmp_path)


@pytest.mark.parametrize(
  'role', ['chief', pytest.param('worker', marks=pytest.mark.slow)]
)
def test_cluster_ends_exact_though_one_process_was_killed(tmp_path, role):
  with Cluster(tmp_path) as cluster:
    cluster.kill(role, after_steps=10)
    cluster.start(role)
    chief = cluster.output('chief')
    cluster.output('worker')
  # The last update is made by whoever is the chief at the end.
  assert 'update' in chief
  assert_exact(tmp_path)


@pytest.mark.slow
def test_evaluator_beside_a_cluster_changes_nothing(tmp_path):
  with Cluster(tmp_path) as cluster:
    cluster.start('evaluator')
    for role in (*TRAINERS, 'evaluator'):
      cluster.output(role)
  assert_exact(tmp_path)
  evaluations = os.listdir(os.path.join(str(tmp_path), 'eval'))
  assert any(name.startswith('events.') for name in evaluations)
