"""Nothing that is written in a picture is cut off or hidden."""

import os

import processes
import pytest
from matplotlib.backends import backend_agg

from object_detection_pruning.sensitivity import plots, results_file, selection

FILE = 'benchmarks/sensitivity/results/ssd_mobilenet_v1_bccd.json'


@pytest.fixture(scope='module')
def found():
  return results_file.load(os.path.join(processes.ROOT, FILE))


def few(found, layers, ratios):
  """The same analysis of fewer layers and ratios."""
  kept = [
    layer._replace(
      points={
        ratio: point
        for ratio, point in layer.points.items()
        if ratio in sorted(layer.points)[:ratios]
      }
    )
    for layer in found.measured[:layers]
  ]
  others = {layer.name for layer in kept}
  rest = [layer for layer in found.layers if layer.name not in others]
  return found._replace(
    layers=kept + [layer._replace(points={}) for layer in rest]
  )


@pytest.mark.parametrize('layers, ratios', [(22, 9), (3, 2), (1, 1)])
def test_every_word_is_within_its_picture(found, layers, ratios):
  found = few(found, layers, ratios)
  wanted = selection.target_from({'eval_metric_loss': 0.05})
  for picture in plots.draw(found, selection.choose(found, wanted), wanted):
    figure = picture.figure
    renderer = backend_agg.FigureCanvasAgg(figure).get_renderer()
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    unseen = {id(label) for axes in figure.axes for label in _unseen(axes)}
    for text in figure.findobj(plots.pyplot.Text):
      if not text.get_text() or not text.get_visible() or id(text) in unseen:
        continue
      box = text.get_window_extent(renderer)
      assert box.x0 >= -1 and box.y0 >= -1, (picture.name, text)
      assert box.x1 <= width + 1 and box.y1 <= height + 1, (picture.name, text)
    plots.pyplot.close(figure)


def test_layers_that_save_little_have_no_curve_of_what_is_cheapest(found):
  share = {
    layer.name: found.costs.left({layer.name: layer.size // 2}).macs
    for layer in found.measured
  }
  least = max(share, key=share.get)
  found = found._replace(
    layers=[
      layer if layer.name == least else layer._replace(points={})
      for layer in found.layers
    ]
  )
  wanted = selection.target_from({'eval_metric_loss': 0.05})
  pictures = plots.draw(found, selection.choose(found, wanted), wanted)
  lines = [
    line
    for picture in pictures
    for axes in picture.figure.axes
    for line in axes.lines
  ]
  assert lines
  assert not any('least summed' in str(line.get_label()) for line in lines)
  for picture in pictures:
    plots.pyplot.close(picture.figure)


def _unseen(axes):
  """Labels of ticks outside of the axes, which are not drawn."""
  unseen = []
  for axis in (axes.xaxis, axes.yaxis):
    low, high = sorted(axis.get_view_interval())
    unseen += [
      label
      for tick in axis.get_major_ticks()
      for label in (tick.label1, tick.label2)
      if not low <= tick.get_loc() <= high
    ]
  return unseen
