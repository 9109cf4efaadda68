import os

import numpy as np
import processes
import pytest

from object_detection_pruning.inference import loaders

BAD_FLAGS = [
  (['--input_shape=1,2,3'], '--input_shape must be four comma-separated sizes'),
  (['--input_shape=1,2,0,3'], '--input_shape must be four comma-separated'),
  (['--input_shape=a,b,c,d'], '--input_shape must be four comma-separated'),
  (
    ['--input_type=tf_example', '--input_shape=1,2,3,3'],
    'input_shape goes with input_type image_tensor, got tf_example',
  ),
  (['--trained_checkpoint_prefix=/no/model.ckpt'], 'no checkpoint at'),
  (['--trained_checkpoint_prefix=EMPTY'], 'no checkpoint in the folder'),
  (['--pipeline_config_path=/no/such.config'], 'no pipeline config at'),
  (['--config_override=model {'], 'config override is no pipeline config'),
  (
    ['--output_directory=MODEL', '--overwrite'],
    '--output_dir must be another folder than that of',
  ),
]


@pytest.fixture(scope='module')
def refusals(run, tmp_path_factory):
  folder = tmp_path_factory.mktemp('bad')
  (folder / 'empty').mkdir()
  argument_lists = [
    [
      f'--pipeline_config_path={run.model_dir}/pipeline.config',
      f'--trained_checkpoint_prefix={run.model_dir}',
      f'--output_directory={folder}/export-{index}',
    ]
    + [
      flag.replace('EMPTY', str(folder / 'empty')).replace(
        'MODEL', str(run.model_dir)
      )
      for flag in flags
    ]
    for index, (flags, _) in enumerate(BAD_FLAGS)
  ]
  results = processes.command(
    'object_detection_pruning.export_inference_graph', argument_lists
  )
  assert os.listdir(str(folder)) == ['empty']
  return results


@pytest.mark.parametrize('index', range(len(BAD_FLAGS)))
def test_bad_flags_give_one_line_and_leave_nothing_behind(refusals, index):
  result = refusals[index]
  processes.assert_refused(result, BAD_FLAGS[index][1])


def export(run, folder, *flags, **environment):
  return processes.python(
    '-m',
    'object_detection_pruning.export_inference_graph',
    f'--pipeline_config_path={run.model_dir}/pipeline.config',
    f'--trained_checkpoint_prefix={run.model_dir}',
    f'--output_directory={folder}',
    *flags,
    **environment,
  )


def test_sparse_graph_is_written_beside_the_plain_one(run, tmp_path):
  result = export(run, tmp_path, '--sparse_ops')
  assert result.returncode == 0, result.stderr[-2000:]
  assert 'SparseSeparableConv2D' in result.stdout
  assert 'x (median of' in result.stdout
  assert (tmp_path / 'sparse_saved_model/saved_model.pb').exists()
  image = np.random.RandomState(0).randint(0, 256, (90, 120, 3))
  plain, sparse = [
    loaders.load_detector(str(tmp_path / name)).detect(image.astype(np.uint8))
    for name in ('frozen_inference_graph.pb', 'sparse_inference_graph.pb')
  ]
  assert plain.scores.size
  np.testing.assert_allclose(plain.scores, sparse.scores, atol=1e-4)
  np.testing.assert_allclose(plain.boxes, sparse.boxes, atol=1e-2)
  np.testing.assert_array_equal(plain.class_ids, sparse.class_ids)


@pytest.mark.slow
def test_optimized_graph_is_written_beside_the_plain_one(run, tmp_path):
  result = export(run, tmp_path, '--optimize')
  assert result.returncode == 0, result.stderr[-2000:]
  assert 'x (median of' in result.stdout
  image = np.random.RandomState(0).randint(0, 256, (90, 120, 3))
  plain, optimized, saved = [
    loaders.load_detector(str(tmp_path / name)).detect(image.astype(np.uint8))
    for name in (
      'frozen_inference_graph.pb',
      'optimized_inference_graph.pb',
      'optimized_saved_model',
    )
  ]
  assert plain.scores.size
  for other in (optimized, saved):
    np.testing.assert_allclose(plain.scores, other.scores, atol=1e-5)
    np.testing.assert_allclose(plain.boxes, other.boxes, atol=1e-3)
    np.testing.assert_array_equal(plain.class_ids, other.class_ids)
  assert '--optimize' not in result.stderr
  again = export(run, tmp_path, '--overwrite')
  assert 'is of an earlier run: pass --optimize to rep' in again.stderr


def test_missing_compiler_stops_the_export_before_it_starts(run, tmp_path):
  folder = tmp_path / 'exported'
  result = export(
    run,
    folder,
    '--sparse_ops',
    CXX='no-such-compiler',
    XDG_CACHE_HOME=str(tmp_path / 'cache'),
  )
  assert result.returncode == 2
  assert result.stderr.splitlines()[-1].startswith(
    'error: the sparse ops need a C++ compiler and no-such-compiler was not'
  )
  assert not folder.exists()
