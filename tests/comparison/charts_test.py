import xml.etree.ElementTree as xml

import pytest
from model_rows import COST, row

from object_detection_pruning.comparison import charts

ROWS = [
  row('first', 30.0, COST),
  row('second', 12.0),
]


def test_every_chart_is_an_svg_of_its_own():
  drawn = charts.draw(ROWS) + [charts.scatter(ROWS)]
  assert len(drawn) == len(charts.BARS) + 1
  for text in drawn:
    assert xml.fromstring(text).tag.endswith('svg')


def test_chart_without_a_figure_is_left_out():
  assert len(charts.draw(ROWS[1:])) == len(charts.BARS) - 1


@pytest.mark.parametrize('count', [1, 15])
def test_any_number_of_models_has_a_place(count):
  rows = [row(f'model {number}', 1.0 + number) for number in range(count)]
  assert 'svg' in charts.scatter(rows)
  assert 'svg' in charts.bars(charts.BARS[0], rows)
