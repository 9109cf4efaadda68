import json
import os
import socket

import processes
import tiny_model

LAST_STEP = 200


def free_ports(count):
  sockets = [socket.socket() for _ in range(count)]
  for each in sockets:
    each.bind(('localhost', 0))
  ports = [each.getsockname()[1] for each in sockets]
  for each in sockets:
    each.close()
  return ports


def test_only_the_chief_prunes_and_the_final_sparsity_is_exact(tmp_path):
  roles = ('chief', 'worker', 'ps')
  cluster = {
    role: [f'localhost:{port}'] for role, port in zip(roles, free_ports(3))
  }
  script = os.path.join(processes.TESTS, 'cluster_worker.py')
  started = {
    role: processes.start(
      script,
      tmp_path,
      LAST_STEP,
      TF_CONFIG=json.dumps(
        {'cluster': cluster, 'task': {'type': role, 'index': 0}}
      ),
    )
    for role in roles
  }
  try:
    chief, chief_errors = started['chief'].communicate(timeout=240)
    worker, worker_errors = started['worker'].communicate(timeout=60)
  finally:
    for process in started.values():
      process.kill()
      process.communicate()
  assert started['chief'].returncode == 0, chief_errors
  assert started['worker'].returncode == 0, worker_errors
  # Both took part, and however one's steps made the other cross points of the
  # window, none was updated for twice.
  assert min(chief.count('step'), worker.count('step')) > 20
  start, frequency = (
    tiny_model.WINDOW[name] for name in ('start_step', 'frequency')
  )
  points = [*range(start, LAST_STEP, frequency), LAST_STEP]
  assert 2 <= chief.count('update') <= len(points)
  assert 'update' not in worker
  latest = tiny_model.latest(tmp_path)
  assert latest['global_step'] >= LAST_STEP
  assert int((latest['net/mask'] == 0).sum()) == 23
