import numpy as np
import processes
import pytest
import tiny_model

STOPPED = -9


def train(folder, *arguments):
  """Trains to step 18 in a process of its own; gives its exit status."""
  return processes.python('-m', 'tiny_model', folder, 18, *arguments).returncode


@pytest.fixture(scope='module')
def uninterrupted(tmp_path_factory):
  folder = tmp_path_factory.mktemp('one')
  tiny_model.train(folder, 18)
  return tiny_model.latest(folder)


@pytest.mark.parametrize('step', [2, 8, 17], ids=['before', 'inside', 'after'])
def test_killed_run_ends_as_if_it_had_not_been(tmp_path, step, uninterrupted):
  assert train(tmp_path, step) == STOPPED
  assert tiny_model.latest(tmp_path)['global_step'] < step
  assert train(tmp_path) == 0
  latest = tiny_model.latest(tmp_path)
  assert latest['global_step'] == 18
  assert int((latest['net/mask'] == 0).sum()) == 23
  assert set(latest) == set(uninterrupted)
  for name, array in latest.items():
    np.testing.assert_array_equal(array, uninterrupted[name], err_msg=name)


def test_killed_twice_in_the_window(tmp_path, uninterrupted):
  assert [train(tmp_path, step) for step in (5, 10)] == [STOPPED] * 2
  assert train(tmp_path) == 0
  np.testing.assert_array_equal(
    tiny_model.latest(tmp_path)['net/mask'], uninterrupted['net/mask']
  )
