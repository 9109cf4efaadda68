import json
import os
import shutil
import signal
import time

import detectors
import processes
import pytest
import tensorflow.compat.v1 as tf
from analyses import ANALYZE, FLAGS, RATIOS

from object_detection_pruning.sensitivity import results_file

BAD_FLAGS = [
  (['--ratios=0.5,1'], 'ratios must be in (0, 1), got 1.0'),
  (['--ratios=0'], 'ratios must be in (0, 1), got 0.0'),
  (['--ratios=half'], "--ratios must be numbers, got 'half'"),
  (['--metric=recall'], '--metric must be one of mAP, AP50, AP75, loss, got'),
  (['--granularity=row'], '--granularity must be one of filter, weight, got'),
  (['--importance=taylor'], '--importance must be one of l1, l2, filter_l1'),
  (['--num_examples=0'], 'num_examples must be a whole number, 1 or more'),
  (
    ['--recalibrate=-1'],
    'recalibrate_batch_norm must be a whole number of steps',
  ),
  (['--shard=3/2'], 'shard must be I/N with I from 1 to N, got 3/2'),
  (['--shard=half'], "--shard must be I/N, 1/4 for one, got 'half'"),
  (['--workers=0'], '--workers must be a whole number, 1 or more, got 0'),
  (['--include=Conv9'], "include pattern 'Conv9' is found in no layer"),
  (['--output=/no/such/file.json'], "no folder '/no/such' to write"),
  (['--checkpoint=/no/model.ckpt'], 'no checkpoint at'),
  (['--pipeline_config_path=EMPTY'], 'the evaluation set is empty: '),
  (['--pipeline_config_path=NONE'], 'no evaluation record at '),
  (['--output=DAMAGED'], 'DAMAGED is no whole sensitivity file'),
  (['--output=FOREIGN'], 'FOREIGN was measured on another checkpoint'),
  (['--output=OTHER'], 'OTHER was measured with metric loss, not mAP'),
  # Random weights find nothing.
  (['--include=Conv2d_3_pointwise'], 'the mAP of the unpruned model is '),
  (['--workers=2'], 'the mAP of the unpruned model is '),
]


@pytest.fixture(scope='module')
def refusals(dense, analysis, tmp_path_factory):
  folder = tmp_path_factory.mktemp('bad')
  paths = _bad_files(dense, analysis, folder)
  before = sorted(os.listdir(str(folder)))

  def placed(text):
    for name, path in paths.items():
      text = text.replace(name, path)
    return text

  answers = processes.command(
    ANALYZE,
    [
      dense.arguments(folder / 'out.json') + [placed(flag) for flag in flags]
      for flags, _ in BAD_FLAGS
    ],
  )
  assert sorted(os.listdir(str(folder))) == before
  return [(answer, placed) for answer in answers]


def _bad_files(dense, analysis, folder):
  empty = str(folder / 'empty.record')
  tf.python_io.TFRecordWriter(empty).close()
  paths = {}
  for name, record in (('EMPTY', empty), ('NONE', '/no/record')):
    config = type(dense.config)()
    config.CopyFrom(dense.config)
    config.eval_input_reader[0].tf_record_input_reader.input_path[:] = [record]
    paths[name] = detectors.write(config, folder / name)
  for name in ('DAMAGED', 'FOREIGN', 'OTHER'):
    paths[name] = str(folder / name) + '.json'
  with open(analysis) as file:
    text = file.read()
  with open(paths['DAMAGED'], 'w') as file:
    file.write(text[: len(text) // 3])
  content = json.loads(text)
  content['setup']['checkpoint'] = 'f' * 64
  with open(paths['FOREIGN'], 'w') as file:
    json.dump(content, file)
  shutil.copyfile(analysis, paths['OTHER'])
  return paths


@pytest.mark.parametrize('index', range(len(BAD_FLAGS)))
def test_bad_input_gives_one_line_and_leaves_nothing_behind(refusals, index):
  result, placed = refusals[index]
  processes.assert_refused(result, placed(BAD_FLAGS[index][1]), alone=False)


def test_each_point_of_the_chosen_layers_is_measured(analysis):
  found = results_file.load(analysis)
  measured = [layer.name.rpartition('/')[2] for layer in found.measured]
  assert measured == [
    'Conv2d_2_pointwise',
    'Conv2d_3_pointwise',
    'Conv2d_13_pointwise',
  ]
  assert len(found.layers) > len(measured)
  for layer in found.measured:
    assert tuple(layer.points) == RATIOS
    losses = {point['loss'] for point in layer.points.values()}
    # Each point is another network, and none is the unpruned one.
    assert len(losses | {found.baseline['loss']}) == len(RATIOS) + 1


def test_a_killed_run_goes_on_to_the_same_file(dense, analysis, tmp_path):
  output = str(tmp_path / 'a.json')
  arguments = ['-m', ANALYZE] + dense.arguments(output, *FLAGS)
  process = processes.start(*arguments)
  while process.poll() is None and _points(output) < 2:
    time.sleep(0.01)
  process.send_signal(signal.SIGKILL)
  _, stderr = process.communicate()
  assert process.returncode == -signal.SIGKILL, stderr
  done = _points(output)
  assert 2 <= done < 6
  result = processes.python(*arguments)
  assert result.returncode == 0, result.stderr
  assert f'{done} of 6 points are there already' in result.stdout
  assert _read(output) == _read(analysis)
  assert os.listdir(str(tmp_path)) == ['a.json']


def test_merged_shards_are_the_unsharded_file(dense, analysis, tmp_path):
  shards = [str(tmp_path / f'{n}.json') for n in (1, 2)]
  for number, output in enumerate(shards, 1):
    result = processes.python(
      '-m',
      ANALYZE,
      *dense.arguments(output, f'--shard={number}/2', *FLAGS),
    )
    assert result.returncode == 0, result.stderr
  assert [_points(output) for output in shards] == [4, 2]
  merged = str(tmp_path / 'merged.json')
  result = processes.python(
    '-m',
    ANALYZE,
    f'--output={merged}',
    f'--merge={shards[1]}',
    f'--merge={shards[0]}',
  )
  assert result.returncode == 0, result.stderr
  assert _read(merged) == _read(analysis)


def test_workers_take_what_others_left_and_write_the_same_file(
  dense, analysis, tmp_path
):
  output = str(tmp_path / 'a.json')
  # Three were killed, one of them before its first point.
  for number, points in ((1, 3), (2, 1), (3, 0)):
    _keep(
      analysis, results_file.part_path(output, number, 3), points, number == 1
    )
  result = processes.python(
    '-m', ANALYZE, *dense.arguments(output, '--workers=2', *FLAGS)
  )
  assert result.returncode == 0, result.stderr
  assert '4 of 6 points are there already' in result.stdout
  assert _read(output) == _read(analysis)
  assert os.listdir(str(tmp_path)) == ['a.json']


def _keep(analysis, path, count, first):
  """Copies a file with its first or its last points alone."""
  found = results_file.load(analysis)
  every = [(n, r) for n, layer in enumerate(found.layers) for r in layer.points]
  kept = every[:count] if first else every[len(every) - count :]
  partial = found._replace(
    layers=[
      layer._replace(
        points={r: m for r, m in layer.points.items() if (n, r) in kept}
      )
      for n, layer in enumerate(found.layers)
    ]
  )
  results_file.save(partial, path)


def _points(path):
  if not os.path.exists(path):
    return 0
  return sum(len(layer.points) for layer in results_file.load(path).layers)


def _read(path):
  with open(path) as file:
    return file.read()
