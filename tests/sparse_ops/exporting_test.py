"""Exports write a graph and a SavedModel that give what the plain one gives."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.sparse_ops import exporting, loading

RANDOM = np.random.RandomState(0)


@pytest.fixture
def plain(tmp_path):
  """A file with a small graph of a sparse convolution."""
  weights = RANDOM.normal(size=(3, 3, 3, 16)).astype(np.float32)
  sparse = RANDOM.normal(size=(3, 3, 16, 16)).astype(np.float32)
  sparse[RANDOM.uniform(size=sparse.shape) < 0.9] = 0
  with tf.Graph().as_default() as graph:
    x = tf.placeholder(tf.float32, [1, 32, 40, 3], name='image')
    x = tf.nn.relu(tf.nn.conv2d(x, weights, [1, 2, 2, 1], 'SAME'))
    tf.nn.conv2d(x, sparse, [1, 1, 1, 1], 'SAME', name='result')
  path = tmp_path / 'plain.pb'
  path.write_bytes(graph.as_graph_def().SerializeToString())
  return str(path)


def run(graph, x):
  with tf.Session(graph=graph) as session:
    return session.run('result:0', {'image:0': x})


def test_graph_and_saved_model_give_what_the_plain_graph_gives(plain, tmp_path):
  output = str(tmp_path / 'out' / 'sparse.pb')
  result = exporting.export(plain, output, seconds=0.1)
  x = RANDOM.normal(size=(1, 32, 40, 3)).astype(np.float32)
  expected = run(loading.load_sparse_graph(plain), x)
  actual = run(loading.load_sparse_graph(output), x)
  np.testing.assert_allclose(actual, expected, atol=1e-4)
  with tf.Graph().as_default(), tf.Session() as session:
    model = tf.saved_model.load(session, ['serve'], result.saved_model)
    signature = model.signature_def['serving_default']
    served = session.run(
      signature.outputs['result'].name, {signature.inputs['inputs'].name: x}
    )
  np.testing.assert_allclose(served, expected, atol=1e-4)
  assert result.report.counts == {'FusedConv2D': 1, 'SparseConv2D': 1}
  assert result.measurement.largest_difference < 1e-4
  assert result.agreement.difference < 1e-4
  assert result.agreement.detections is None
  assert result.sparse_bytes < result.plain_bytes
  assert sorted(os.listdir(os.path.dirname(output))) == [
    'sparse.pb',
    'sparse_saved_model',
  ]


@pytest.mark.parametrize(
  'message, changes',
  [
    ('no such graph', {'input_graph': 'missing.pb'}),
    ('is a folder', {'output_graph': '.'}),
    ('is a file', {'output_graph': f'{__file__}/sparse.pb'}),
    ('seconds must be', {'seconds': -1}),
    ('threads must be', {'threads': 0}),
    ('min_sparsity must be', {'min_sparsity': 2}),
    ('is no image', {'image': __file__}),
  ],
)
def test_refuses_bad_arguments(plain, tmp_path, message, changes):
  arguments = {
    'input_graph': plain,
    'output_graph': str(tmp_path / 'sparse.pb'),
  }
  arguments.update(changes)
  with pytest.raises(errors.InputError, match=message):
    exporting.export(**arguments)
  assert os.listdir(str(tmp_path)) == ['plain.pb']


def test_second_graph_in_a_folder_has_a_saved_model_of_its_own(plain, tmp_path):
  folder = tmp_path / 'out'
  results = [
    exporting.export(plain, str(folder / name), seconds=0)
    for name in ('sparse_inference_graph.pb', 'small.pb')
  ]
  assert [os.path.basename(each.saved_model) for each in results] == [
    exporting.SAVED_MODEL,
    'small_saved_model',
  ]
  assert len(os.listdir(str(folder))) == 4


@pytest.mark.parametrize('name', ['sparse.pb', 'sparse_saved_model'])
def test_replaces_only_what_it_is_asked_to(plain, tmp_path, name):
  output, other = tmp_path / 'sparse.pb', tmp_path / name
  if name == 'sparse.pb':
    other.write_text('of somebody else')
  else:
    other.mkdir()
    (other / 'note.txt').write_text('of somebody else')
  with pytest.raises(errors.InputError, match=f'{name} exists already: choose'):
    exporting.export(plain, str(output))
  assert sorted(os.listdir(str(tmp_path))) == sorted(['plain.pb', name])
  exporting.export(plain, str(output), seconds=0, overwrite=True)
  written = os.listdir(str(tmp_path / 'sparse_saved_model'))
  assert 'saved_model.pb' in written and 'note.txt' not in written
  assert loading.load_sparse_graph(str(output)).get_operations()


def test_failure_to_write_leaves_what_was_there(plain, tmp_path, monkeypatch):
  output = tmp_path / 'sparse.pb'
  output.write_text('older')

  def fail(graph_def, folder):
    raise OSError('no space left')

  monkeypatch.setattr(exporting.saved_model_writer, 'write', fail)
  with pytest.raises(OSError, match='no space left'):
    exporting.export(plain, str(output), seconds=0, overwrite=True)
  assert sorted(os.listdir(str(tmp_path))) == ['plain.pb', 'sparse.pb']
  assert output.read_text() == 'older'


def test_does_not_write_over_the_plain_graph(plain):
  with pytest.raises(errors.InputError, match='must not be input_graph'):
    exporting.export(plain, plain)


def test_refuses_what_is_no_graph(tmp_path):
  path = tmp_path / 'text.pb'
  path.write_text('this is no graph')
  with pytest.raises(errors.InputError, match='is no TensorFlow graph'):
    exporting.export(str(path), str(tmp_path / 'sparse.pb'))


def test_command_writes_and_reports(plain, tmp_path):
  output = str(tmp_path / 'sparse.pb')
  done = subprocess.run(
    [
      sys.executable,
      '-m',
      'object_detection_pruning.export_sparse_graph',
      f'--input_graph={plain}',
      f'--output_graph={output}',
      '--measure_seconds=0.1',
    ],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    encoding='utf-8',
  )
  assert done.returncode == 0, done.stderr[-2000:]
  assert 'rewritten: 1 FusedConv2D, 1 SparseConv2D; kept: 0' in done.stdout
  assert 'x (median of' in done.stdout
  assert os.path.exists(output)


def test_command_fails_in_one_line(tmp_path):
  done = subprocess.run(
    [
      sys.executable,
      '-m',
      'object_detection_pruning.export_sparse_graph',
      '--input_graph=missing.pb',
      f'--output_graph={tmp_path / "sparse.pb"}',
    ],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    encoding='utf-8',
  )
  assert done.returncode == 2
  assert (
    done.stderr.strip().splitlines()[-1] == 'error: no such graph: missing.pb'
  )
