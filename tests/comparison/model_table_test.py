import csv
import io
import json

import pytest
from model_rows import COST, row

from object_detection_pruning.comparison import model_table


def cells(table):
  return [dict(zip(table.headings(), line)) for line in table.cells()]


def test_ratios_are_to_the_first_model():
  table = model_table.ModelTable([row('slow', 30.0), row('fast', 12.0)])
  assert [line['speed-up'] for line in cells(table)] == ['1.00x', '2.50x']


def test_figures_have_their_units():
  (line,) = cells(model_table.ModelTable([row('one', 30.0, COST)]))
  assert line['MB'] == '3.00'
  assert line['gzip MB'] == '1.50'
  assert line['MMACs'] == '2.0'
  assert line['on nonzeros'] == '0.5'
  assert line['sparsity, all'] == '0.750'
  assert line['1 thread, ms'] == '30.0'


def test_column_that_no_model_has_is_left_out():
  table = model_table.ModelTable([row('one', 30.0), row('two', 30.0)])
  assert not {'mask mAP', 'MMACs', 'sparsity, masked'} & set(table.headings())


def test_figure_that_one_model_lacks_is_a_dash():
  table = model_table.ModelTable([row('one', 1.0, COST, 0.25), row('two', 1.0)])
  first, second = cells(table)
  assert (first['mask mAP'], second['mask mAP']) == ('0.250', '-')
  assert (first['parameters'], second['parameters']) == ('100', '-')


def test_csv_has_unique_headings_and_full_numbers():
  table = model_table.ModelTable([row('one', 1 / 3, COST), row('two', 1.0)])
  first, second = csv.DictReader(io.StringIO(table.csv()))
  assert float(first['1 thread, ms']) == pytest.approx(1 / 3, rel=1e-12)
  assert float(second['speed-up, 1 thread']) == pytest.approx(1 / 3)
  assert second['speed-up, all cores'] == second['speed-up, 1 thread']
  assert second['parameters'] == ''


def test_json_has_the_layers():
  table = model_table.ModelTable([row('one', 1.0, COST)])
  (model,) = json.loads(table.as_json())
  assert model['cost']['layers'][0]['nonzeros'] == 25
  assert model['milliseconds']['one_thread'] == {'median': 1.0, 'p90': 2.0}


def test_markdown_has_as_many_cells_in_every_line():
  table = model_table.ModelTable([row('one|1', 1.0, COST), row('two', 1.0)])
  text = table.markdown()
  assert 'one\\|1' in text
  lines = text.replace('\\|', '').splitlines()
  assert len({line.count('|') for line in lines}) == 1


def test_model_with_kernels_that_do_not_count_says_so_below():
  lacking = COST._replace(not_counted=('loop/step', 'head'))
  table = model_table.ModelTable([row('a', 1.0, COST), row('b', 1.0, lacking)])
  assert table.remarks() == ['b: kernels that are not counted: loop/step, head']
  assert table.markdown().endswith('|\n\n' + table.remarks()[0])


def test_a_page_has_room_for_the_main_columns_and_lists_all_by_figure():
  table = model_table.ModelTable(
    [row('one', 1.0, COST, 0.25), row('two', 1.0)._replace(masked_sparsity=0.5)]
  )
  assert len(table.columns) > 15
  assert [column.heading for column in table.main_columns()] == [
    'model',
    'mAP',
    'AP50',
    'mask mAP',
    'sparsity, all',
    'nonzeros',
    'gzip MB',
    '1 thread, ms',
    'speed-up',
    'all cores, ms',
    'speed-up',
  ]
  figures = table.by_figure()
  assert len(figures) == len(table.columns) - 1
  assert ['p90, 1 thread', '2.0', '2.0'] in figures
  assert ['parameters', '100', '-'] in figures
