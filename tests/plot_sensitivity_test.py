import json
import os
import re

import numpy as np
import processes
import pytest
from PIL import Image

from object_detection_pruning.sensitivity import (
  costs,
  results,
  results_file,
  selection,
  trade_off_plot,
)

MODULE = 'object_detection_pruning.plot_sensitivity'
LAYERS = 60
ROW = {
  'model': 'retrained model',
  'accuracy': {'ap': 0.41234, 'ap50': 0.7},
  'cost': {'parameters': 1234567, 'macs': 7654321},
  'milliseconds': {'one_thread': {'median': 12.5}},
}


@pytest.fixture(scope='module')
def analysis(tmp_path_factory):
  """Path of a file of sixty layers."""
  random = np.random.RandomState(0)
  names = [
    f'Extractor/Network/block_{n}/expand/pointwise' for n in range(LAYERS)
  ]
  layers = [
    results.Layer(
      name,
      [name],
      100,
      {
        0.1 * n: {'mAP': 0.5 * (1 - slope * (0.1 * n) ** 2)}
        for n in range(1, 10)
      },
    )
    for name, slope in zip(names, random.uniform(0, 1.1, LAYERS))
  ]
  axes = [costs.Axis(100, ((name, 1),)) for name in names]
  terms = [
    costs.Term(1, 5, (before, after)) for before, after in zip(axes, axes[1:])
  ]
  setup = results.Setup('m', 'c', 'd', 9, 'filter', 'l1', 'mAP', 0)
  path = str(tmp_path_factory.mktemp('sixty') / 'a.json')
  results_file.save(
    results.Results(setup, {'mAP': 0.5}, layers, costs.Costs(terms)), path
  )
  return path


def test_draws_pictures_and_a_page_that_stands_alone(analysis, tmp_path):
  out = tmp_path / 'plots'
  comparison = tmp_path / 'comparison.json'
  comparison.write_text(json.dumps([ROW]))
  result = processes.python(
    '-m',
    MODULE,
    f'--input={analysis}',
    f'--output_dir={out}',
    '--target_macs=0.5',
    f'--measured={comparison}',
  )
  assert result.returncode == 0, result.stderr
  assert sorted(os.listdir(str(out))) == [
    'curves.png',
    'curves.svg',
    'heat_map.png',
    'heat_map.svg',
    'report.html',
    'trade_off.png',
    'trade_off.svg',
  ]
  for name in ('curves', 'heat_map', 'trade_off'):
    picture = np.array(Image.open(str(out / name) + '.png').convert('L'))
    assert min(picture.shape) > 400
    assert picture.std() > 10
    assert '<svg' in (out / f'{name}.svg').read_text()
  share = float(re.search(r'and (.*)% of the MACs left', result.stdout)[1])
  assert 45 < share <= 50
  page = (out / 'report.html').read_text()
  assert page.count('data:image/png;base64,') == 3
  assert not re.search(r'(src|href)="(?!data:)', page)
  assert page.count('<code>Extractor/Network/block_') == LAYERS
  assert f'{share:.1f} %' in page
  for text in ('retrained model', '0.412', '1,234,567', '7,654,321', '12.5'):
    assert text in page


def test_the_trade_off_marks_what_a_target_chose(analysis):
  found = results_file.load(analysis)
  # Few layers are quick to choose from.
  found = found._replace(layers=found.layers[:3])
  target = selection.target_from({'target_macs': 0.98})
  choice = selection.choose(found, target)
  left, right = trade_off_plot.draw(found, choice, target).axes
  share = choice.cost.macs / choice.dense_cost.macs
  lines = dict(zip(*left.get_legend_handles_labels()[::-1]))
  marked = lines[f'chosen: {share:.1%} of the MACs']
  assert list(marked.get_ydata()) == [share, share]
  lines = dict(zip(*right.get_legend_handles_labels()[::-1]))
  ((chosen,),) = [lines['chosen'].get_xydata().tolist()]
  assert chosen == [share, choice.summed_loss]
  assert chosen in lines['least summed loss'].get_xydata().tolist()


BAD_FLAGS = [
  (['--eval_metric_loss=-1'], '--eval_metric_loss must be 0 or more, got -1.0'),
  (['--target_macs=1'], '--target_macs must be in (0, 1), got 1.0'),
  (
    ['--target_macs=0.5', '--target_params=0.5'],
    'give one of --eval_metric_loss, --target_macs and --target_params',
  ),
  (['--target_macs=0.001'], 'the target 0.001 cannot be reached: 0.0100 of'),
  (['--input=/no/a.json'], "no sensitivities at '/no/a.json'"),
  (['--measured=/no/a.json'], "no comparison at '/no/a.json'"),
  (['--measured=ITSELF'], 'ITSELF is no comparison.json of compare_models'),
]


def test_bad_input_gives_one_line_and_leaves_nothing_behind(analysis, tmp_path):
  answers = processes.command(
    MODULE,
    [
      [f'--input={analysis}', f'--output_dir={tmp_path}/out']
      + [flag.replace('ITSELF', analysis) for flag in flags]
      for flags, _ in BAD_FLAGS
    ],
  )
  for answer, (_, message) in zip(answers, BAD_FLAGS):
    expected = message.replace('ITSELF', analysis)
    processes.assert_refused(answer, expected, alone=False)
  assert os.listdir(str(tmp_path)) == []
