import json

import numpy as np
import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.export import sparsity_report


@pytest.fixture
def report():
  a = np.ones([2, 2, 1, 3], 'f')
  a[0] = 0
  return sparsity_report.SparsityReport.of(
    {
      'net/a/weights': a,
      'net/a/biases': np.zeros(3, 'f'),
      'net/b/weights': np.float32([[1, 0, 2, 3]]),
      'net/bn/moving_mean': np.ones(50, 'f'),
      'global_step': np.int64(9),
    },
    ['net/a/weights'],
  )


def test_counts_kernels_parameters_and_zeros(report):
  assert [tuple(row) for row in report.rows] == [
    ('net/a/weights', (2, 2, 1, 3), 12, 6, True),
    ('net/b/weights', (1, 4), 4, 1, False),
  ]
  assert report.masked_sparsity == 0.5
  assert report.total_sparsity == 7 / 16
  assert (report.parameters, report.nonzeros) == (19, 9)


def test_json_holds_the_same(report, tmp_path):
  path = str(tmp_path / 'sparsity.json')
  report.write_json(path)
  with open(path) as file:
    content = json.load(file)
  assert content['sparsity_of_masked_kernels'] == 0.5
  assert content['sparsity_of_all_kernels'] == 7 / 16
  assert content['kernels'][0] == {
    'name': 'net/a/weights',
    'shape': [2, 2, 1, 3],
    'size': 12,
    'zeros': 6,
    'sparsity': 0.5,
    'masked': True,
  }


def test_table_has_a_line_for_each_kernel_and_both_totals(report):
  lines = str(report).splitlines()
  assert len(lines) == 1 + 2 + 2
  assert lines[1].split() == ['net/a/weights', '2x2x1x3', '12', '6', '0.5000']
  assert lines[2].endswith('0.2500  (no mask)')
  assert lines[3].split() == ['masked', 'kernels', '12', '6', '0.5000']
  assert lines[4].split() == ['all', 'kernels', '16', '7', '0.4375']


def test_model_without_kernels_has_no_sparsity():
  report = sparsity_report.SparsityReport.of({'a/biases': np.ones(2)}, [])
  assert (report.masked_sparsity, report.total_sparsity) == (0.0, 0.0)


@pytest.mark.parametrize('text', ['{"kern', '[]', '{"summary": 1}'])
def test_what_is_no_report_is_refused(tmp_path, text):
  path = tmp_path / 'sparsity.json'
  path.write_text(text)
  with pytest.raises(errors.InputError, match='sparsity.json is no report of'):
    sparsity_report.load(str(path))
