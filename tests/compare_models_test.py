import csv
import json
import os
import re
import shutil

import processes
import pytest
from PIL import Image

from object_detection_pruning.evaluation import eval_set

COMMAND = 'object_detection_pruning.compare_models'


@pytest.fixture(scope='module')
def compared(exported, data, tmp_path_factory):
  """The folder and the output of a comparison of four kinds of files."""
  folder = tmp_path_factory.mktemp('compared')
  result = processes.python(
    '-m',
    COMMAND,
    f'--models=plain={exported}/frozen_inference_graph.pb,'
    f'saved={exported}/saved_model,lite={exported}/model.tflite,'
    f'{exported}/sparse_inference_graph.pb',
    f'--eval_record={data.val_record}',
    f'--label_map={data.label_map}',
    f'--output_dir={folder}/out',
    '--rounds=3',
  )
  assert result.returncode == 0, result.stderr
  return folder / 'out', result.stdout


def test_every_model_has_a_row(compared, exported):
  folder, _ = compared
  with open(str(folder / 'comparison.csv')) as file:
    rows = list(csv.DictReader(file))
  assert [row['model'] for row in rows] == [
    'plain',
    'saved',
    'lite',
    f'{exported}/sparse_inference_graph.pb',
  ]
  assert [row['kind'] for row in rows] == [
    'frozen graph',
    'SavedModel',
    'TFLite',
    'sparse graph',
  ]
  for figure in ('AP50', 'on nonzeros', 'sparsity, all'):
    values = [float(row[figure]) for row in rows]
    assert values == pytest.approx([values[0]] * 4, abs=1e-3), figure
  with open(f'{exported}/sparsity.json') as file:
    masked = json.load(file)['sparsity_of_masked_kernels']
  assert {row['sparsity, masked'] for row in rows} == {str(masked)}
  assert all(float(row['1 thread, ms']) > 0 for row in rows)


def test_table_is_printed_and_kept(compared):
  folder, shown = compared
  table = (folder / 'comparison.md').read_text()
  assert shown.startswith(table)
  assert shown.strip().endswith('comparison.html')


def test_page_needs_no_other_file(compared, data):
  folder, _ = compared
  page = (folder / 'comparison.html').read_text()
  sources = re.findall(r'(?:src|href)="([^"]*)"', page)
  # Within a drawing, # refers to a part of it.
  assert all(each.startswith(('data:image/', '#')) for each in sources)
  images = min(3, eval_set.load([data.val_record], data.label_map).size)
  jpegs = [each for each in sources if each.startswith('data:image/jpeg')]
  # What is annotated, and what each model finds.
  assert len(jpegs) == 5 * images > 0
  assert page.count('<svg') == 7
  main, details = page.split('<details>')
  assert main.count('<tr>') == 5
  assert main.count('<th ') <= 11
  assert details.count('<tr>') == details.count('<td>') // 5 + 1 > 11


def test_pictures_have_a_column_for_the_truth_and_each_model(compared):
  folder, _ = compared
  picture = Image.open(str(folder / 'detections.png'))
  assert picture.width == 5 * 320 + 4 * 8


BAD_FLAGS = [
  (['--models=/no/graph.pb'], 'no such model: /no/graph.pb'),
  (['--models=README.md'], 'README.md is no model: it must be'),
  (['--models=GRAPH,GRAPH'], "--models has 'GRAPH' twice"),
  (['--models=a=,GRAPH'], "--models takes NAME=PATH or PATH, got 'a='"),
  (['--models='], '--models must name at least one model'),
  (['--rounds=0'], '--rounds must be a whole number, 1 or more, got 0'),
  (['--num_examples=0'], '--num_examples must be a whole number, 1 or more'),
  (['--min_score=1.5'], '--min_score must be in [0, 1], got 1.5'),
  (['--eval_record=/no/record'], "no evaluation record at '/no/record'"),
  (['--eval_record=README.md'], 'README.md is no TFRecord file, or is damaged'),
  (['--label_map=/no/map'], 'label map /no/map does not exist'),
  (['--label_map=OTHER'], 'RECORD, example 1, holds class'),
  (['--label_map=README.md'], 'README.md is no label map: '),
  (['--label_map=MORE'], 'GRAPH has 4 classes, as EXPORT/pipeline.config says'),
  (['--eval_record=RECORD,/no/record'], "no evaluation record at '/no/record'"),
  (['--eval_record='], 'give --eval_record and --label_map_path, or'),
  (
    ['--output_dir=README.md'],
    '--output_dir must be a folder, got README.md: ',
  ),
  (['--models=DAMAGED/graph.pb'], 'DAMAGED/sparsity.json is no report of the'),
  (['--models=LAME'], 'LAME is no detection graph: it has no output'),
]


@pytest.fixture(scope='module')
def refusals(exported, data, tmp_path_factory):
  folder = tmp_path_factory.mktemp('refused')
  (folder / 'other.pbtxt').write_text('item { id: 77 name: "other" }\n')
  with open(data.label_map) as file:
    more = file.read() + 'item { id: 5 name: "fifth" }'
  (folder / 'more.pbtxt').write_text(more)
  # A graph of one node, which is no detector.
  (folder / 'lame.pb').write_bytes(b'\x0a\x09\x0a\x01a\x12\x04NoOp')
  (folder / 'damaged').mkdir()
  shutil.copy(
    f'{exported}/frozen_inference_graph.pb', str(folder / 'damaged/graph.pb')
  )
  (folder / 'damaged/sparsity.json').write_text('{"kern')
  places = {
    'DAMAGED': f'{folder}/damaged',
    'GRAPH': f'{exported}/frozen_inference_graph.pb',
    'OTHER': f'{folder}/other.pbtxt',
    'MORE': f'{folder}/more.pbtxt',
    'EXPORT': exported,
    'RECORD': data.val_record,
    'LAME': f'{folder}/lame.pb',
  }
  pattern = re.compile('|'.join(places))

  def fill(text):
    return pattern.sub(lambda found: places[found.group()], text)

  results = processes.command(
    COMMAND,
    [
      [
        f'--models={places["GRAPH"]}',
        f'--eval_record={data.val_record}',
        f'--label_map={data.label_map}',
        f'--output_dir={folder}/out',
      ]
      + [fill(flag) for flag in flags]
      for flags, _ in BAD_FLAGS
    ],
  )
  assert not os.path.exists(f'{folder}/out')
  return [
    (result, fill(message)) for result, (_, message) in zip(results, BAD_FLAGS)
  ]


@pytest.mark.parametrize('index', range(len(BAD_FLAGS)))
def test_bad_flags_give_one_line_and_write_nothing(refusals, index):
  result, message = refusals[index]
  processes.assert_refused(result, message, alone=False)
  assert result.stdout == ''
