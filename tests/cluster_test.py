import json
import os
import socket

import cluster_worker
import processes
import pytest
import tiny_model
import tiny_teacher

from object_detection_pruning.core import criteria, granularity

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

  def __init__(self, folder, policy='magnitude'):
    self._folder = folder
    self._policy = policy
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
      self._policy,
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


def assert_exact(folder, policy='magnitude'):
  settings = {**tiny_model.WINDOW, **cluster_worker.POLICIES[policy]}
  pattern = granularity.find(settings.get('granularity', 'weight'))
  zeros = pattern.zeros_for(settings['target_sparsity'], tiny_model.SHAPE)
  latest = tiny_model.latest(folder)
  assert latest['global_step'] >= LAST_STEP
  assert int((latest['net/mask'] == 0).sum()) == zeros


# The others take other ways to one and the same update.
BY_DEFAULT = ('magnitude', 'movement_in_blocks', 'rigl')


@pytest.mark.parametrize(
  'policy',
  [
    pytest.param(policy, marks=() if policy in BY_DEFAULT else pytest.mark.slow)
    for policy in cluster_worker.POLICIES
  ],
)
def test_only_the_chief_prunes_and_the_final_sparsity_is_exact(
  tmp_path, policy
):
  with Cluster(tmp_path, policy) as cluster:
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
  assert_exact(tmp_path, policy)
  # What one gathers, the others add to.
  criterion = cluster_worker.POLICIES[policy].get('criterion', 'magnitude')
  gathers = isinstance(criteria.find(criterion), criteria.GatheredCriterion)
  for printed in (chief, worker):
    assert printed.count('scores on /job:ps/') == int(gathers)


@pytest.mark.parametrize(
  'role, policy',
  [
    ('chief', 'magnitude'),
    pytest.param('worker', 'magnitude', marks=pytest.mark.slow),
    pytest.param('chief', 'movement_in_blocks', marks=pytest.mark.slow),
    pytest.param('worker', 'rigl', marks=pytest.mark.slow),
  ],
)
def test_cluster_ends_exact_though_one_process_was_killed(
  tmp_path, role, policy
):
  with Cluster(tmp_path, policy) as cluster:
    cluster.kill(role, after_steps=10)
    cluster.start(role)
    chief = cluster.output('chief')
    cluster.output('worker')
  # The last update is made by whoever is the chief at the end.
  assert 'update' in chief
  assert_exact(tmp_path, policy)


@pytest.mark.slow
def test_evaluator_beside_a_cluster_changes_nothing(tmp_path):
  with Cluster(tmp_path) as cluster:
    cluster.start('evaluator')
    for role in (*TRAINERS, 'evaluator'):
      cluster.output(role)
  assert_exact(tmp_path)
  evaluations = os.listdir(os.path.join(str(tmp_path), 'eval'))
  assert any(name.startswith('events.') for name in evaluations)


def test_each_process_has_the_teacher_and_none_saves_it(tmp_path):
  with Cluster(tmp_path, cluster_worker.TAUGHT) as cluster:
    printed = [cluster.output(role) for role in TRAINERS]
  for role, lines in zip(TRAINERS, printed):
    assert lines.count('taught') >= lines.count('step\n') - 1 > 10
    # And not on a server.
    assert f'teacher on /job:{role}/task:0' in lines
    assert lines.count('teacher on ') == 1
  assert_exact(tmp_path)
  latest = tiny_model.latest(tmp_path)
  assert not any('teacher' in name for name in latest)
  for path in tmp_path.glob('*'):
    assert path.stat().st_size < tiny_teacher.SIZE, path
