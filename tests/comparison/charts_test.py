import xml.etree.ElementTree as xml

import matplotlib
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


def test_scatter_plot_is_of_map_speed_and_size():
  def draw(**changes):
    # Without the salt, names within a drawing are drawn by lot.
    with matplotlib.rc_context({'svg.hashsalt': 'salt'}):
      return charts.scatter([ROWS[0], ROWS[1]._replace(**changes)])

  accuracy, size = ROWS[1].accuracy, ROWS[1].size
  assert draw() == draw(accuracy=accuracy._replace(ap50=0.9))
  assert draw() != draw(accuracy=accuracy._replace(ap=0.4))
  assert draw() != draw(one_thread=ROWS[0].one_thread)
  assert draw() != draw(size=size._replace(gzipped=1000000))


def test_map_comes_first_among_the_bars():
  assert [chart.value(ROWS[0]) for chart in charts.BARS[:2]] == [0.5, 0.75]


def test_a_dozen_models_look_different():
  assert len({charts.color_of(number) for number in range(12)}) == 12
  looks = {
    (charts.color_of(number), charts.marker_of(number)) for number in range(84)
  }
  assert len(looks) == 84


def test_long_name_is_known_by_its_end():
  name = '/a/very/long/folder/of/models/frozen_inference_graph.pb'
  assert name.endswith(charts.short(name)[1:])
  assert len(charts.short(name)) == 30
  assert charts.short('dense') == 'dense'


@pytest.mark.parametrize('count', [1, 15])
def test_any_number_of_models_has_a_place(count):
  rows = [row(f'model {number}', 1.0 + number) for number in range(count)]
  assert 'svg' in charts.scatter(rows)
  assert 'svg' in charts.bars(charts.BARS[0], rows)


@pytest.mark.parametrize('name', ['a$_$b', 'a$b$c', '_old', 'a|b', '<b>&'])
def test_any_name_is_shown_as_it_is(name, monkeypatch):
  # As text, and not as the outlines of its letters.
  monkeypatch.setitem(matplotlib.rcParams, 'svg.fonttype', 'none')
  rows = [row(name, 1.0), row('other', 2.0)]
  drawn = (charts.scatter(rows), charts.bars(charts.BARS[0], rows))
  for text in drawn:
    shown = [''.join(each.itertext()) for each in xml.fromstring(text).iter()]
    assert any(each.strip().startswith(name) for each in shown)
