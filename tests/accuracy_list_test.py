"""The experiments of the accuracy tables can be begun by their worker."""

import json

import processes
import pytest


@pytest.fixture(scope='module')
def configs():
  result = processes.python('-m', 'accuracy_configs')
  assert result.returncode == 0, result.stderr
  return json.loads(result.stdout.splitlines()[-1])


def test_narrow_models_stay_narrow_while_they_train(configs):
  for share in (0.4, 0.6):
    for kind, teacher in (('distilled', 'dense'), ('retrained', '')):
      found = configs[f'channels_{share}_{kind}']
      assert (found['widths'], found['teacher']) == (1, teacher)
      assert found['steps'] == configs['control']['steps']
      assert not found['sparsity']
  assert not configs['control']['widths']


def test_zeros_are_divided_as_the_name_says(configs):
  for level in (0.85, 0.9):
    for name, way in (
      ('magnitude_erk', 'erdos_renyi_kernel'),
      ('global', 'global'),
    ):
      found = configs[f'policy_{name}_{level}']
      assert (found['sparsity'], found['allocation']) == (level, way)
  assert configs['policy_sensitivity_0.85']['sparsity'] == 0.85
