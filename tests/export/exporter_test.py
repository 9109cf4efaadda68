"""What the command writes of a pruned SSD, and what that detects."""

import io
import os

import detectors
import frozen_graphs
import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
import trained
from object_detection.protos import pipeline_pb2
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

from object_detection_pruning.common import checkpoints
from object_detection_pruning.core import thresholds
from object_detection_pruning.export import exporter
from object_detection_pruning.graphs import portable

FILES = {
  'checkpoint',
  'frozen_inference_graph.pb',
  'model.ckpt.data-00000-of-00001',
  'model.ckpt.index',
  'model.ckpt.meta',
  'pipeline.config',
  'saved_model',
  'sparsity.json',
}
# Runs a stock module as a program in an interpreter that cannot import ours.
STOCK = """
import runpy, sys
sys.modules['object_detection_pruning'] = None
runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)
"""


@pytest.fixture(scope='module')
def exported(run, tmp_path_factory):
  """What the command wrote, and what it printed."""
  folder = tmp_path_factory.mktemp('export') / 'new/folder'
  result = processes.python(
    '-m',
    'object_detection_pruning.export_inference_graph',
    f'--pipeline_config_path={run.model_dir}/pipeline.config',
    f'--trained_checkpoint_prefix={run.model_dir}',
    f'--output_directory={folder}',
  )
  assert result.returncode == 0, result.stderr
  return folder, result.stdout


def test_writes_the_files_of_the_stock_exporter_and_a_report(exported):
  folder, stdout = exported
  assert set(os.listdir(str(folder))) == FILES
  assert os.listdir(str(folder.parent)) == ['folder']
  lines = [line.split() for line in stdout.splitlines()]
  (masked,) = [line for line in lines if line[:2] == ['masked', 'kernels']]
  assert float(masked[-1]) == pytest.approx(trained.SPARSITY, abs=1e-3)
  (row,) = [line for line in lines if line and 'Conv2d_0/weights' in line[0]]
  assert row[1:] == ['3x3x3x8', '216', '162', '0.7500']


def test_no_file_has_anything_of_pruning_but_the_zeros(exported):
  folder = exported[0]
  meta = tf.MetaGraphDef()
  meta.ParseFromString((folder / 'model.ckpt.meta').read_bytes())
  saved = saved_model_pb2.SavedModel()
  saved.ParseFromString((folder / 'saved_model/saved_model.pb').read_bytes())
  definitions = [frozen_graphs.read(folder), meta.graph_def]
  definitions += [graph.graph_def for graph in saved.meta_graphs]
  assert len(definitions) == 3
  for definition in definitions:
    assert len(definition.node) > 500
    assert frozen_graphs.pruning_nodes(definition) == []
  assert not [key for key in meta.collection_def if 'mask' in key]
  names = checkpoints.shapes(str(folder / 'model.ckpt'))
  words = {name.rpartition('/')[2] for name in names}
  assert words & {'mask', 'threshold', 'Momentum'} == set()
  assert 'pruning' not in (folder / 'pipeline.config').read_text()
  assert 'masked' not in (folder / 'pipeline.config').read_text()


def test_weights_are_the_trained_ones_with_exact_zeros(exported, checkpoint):
  trained_tensors = checkpoints.read(checkpoint)
  tensors = checkpoints.read(str(exported[0] / 'model.ckpt'))
  kernels_with_zeros = 0
  for name, array in tensors.items():
    expected = trained_tensors[name]
    mask = trained_tensors.get(name.replace('/weights', '/mask'))
    if name.endswith('/weights') and mask is not None:
      expected = expected * mask
      kernels_with_zeros += 1
      assert np.count_nonzero(array == 0) == thresholds.zeros_for(
        trained.SPARSITY, array.size
      )
    np.testing.assert_array_equal(array, expected, err_msg=name)
  assert kernels_with_zeros == 22


def test_detections_are_those_of_the_masked_model_bit_for_bit(
  exported, config, checkpoint, tmp_path
):
  unstripped = frozen_graphs.export_unstripped(config, checkpoint, tmp_path)
  assert len(frozen_graphs.pruning_nodes(unstripped)) >= 2 * 22
  expected = frozen_graphs.detect(unstripped)
  # Else nothing much is compared.
  assert expected[1].min() > 0
  assert len(np.unique(expected[0])) > 50
  frozen_graphs.assert_identical(
    frozen_graphs.detect(frozen_graphs.read(exported[0])), expected
  )


def test_saved_model_detects_the_same(exported):
  with tf.Graph().as_default(), tf.Session() as session:
    meta = tf.saved_model.loader.load(
      session, ['serve'], str(exported[0] / 'saved_model')
    )
    signature = meta.signature_def['serving_default']
    names = [signature.outputs[output].name for output in frozen_graphs.OUTPUTS]
    found = session.run(
      names, {signature.inputs['inputs'].name: frozen_graphs.images()}
    )
  frozen_graphs.assert_identical(
    found, frozen_graphs.detect(frozen_graphs.read(exported[0]))
  )


def test_stock_program_exports_the_same_again_without_this_library(
  exported, tmp_path
):
  pytest.importorskip(
    'tensorflow.contrib.tfprof',
    reason='the stock program imports tf.contrib, which TensorFlow 2 has not',
  )
  folder = exported[0]
  result = processes.python(
    '-c',
    STOCK,
    'object_detection.export_inference_graph',
    f'--pipeline_config_path={folder}/pipeline.config',
    f'--trained_checkpoint_prefix={folder}/model.ckpt',
    f'--output_directory={tmp_path}/again',
  )
  assert result.returncode == 0, result.stderr
  portable.rewrite_frozen_graph(
    str(tmp_path / 'again/frozen_inference_graph.pb')
  )
  again = frozen_graphs.read(tmp_path / 'again')
  assert again == frozen_graphs.read(folder)


@pytest.mark.parametrize(
  'input_type, encode, node',
  [
    ('encoded_image_string_tensor', None, 'encoded_image_string_tensor'),
    ('tf_example', 'example', 'tf_example'),
  ],
)
def test_other_input_types_detect_the_same(
  config, checkpoint, exported, tmp_path, input_type, encode, node
):
  exporter.export(config, checkpoint, str(tmp_path / 'export'), input_type)
  pictures = [png(image) for image in frozen_graphs.images()]
  if encode:
    pictures = [
      tf.train.Example(
        features=tf.train.Features(
          feature={
            'image/encoded': tf.train.Feature(
              bytes_list=tf.train.BytesList(value=[picture])
            )
          }
        )
      ).SerializeToString()
      for picture in pictures
    ]
  found = frozen_graphs.detect(
    frozen_graphs.read(tmp_path / 'export'), pictures, node=node
  )
  frozen_graphs.assert_identical(
    found, frozen_graphs.detect(frozen_graphs.read(exported[0]))
  )


def png(image):
  stream = io.BytesIO()
  Image.fromarray(image).save(stream, 'PNG')
  return stream.getvalue()


def test_input_shape_is_fixed_on_request(config, checkpoint, tmp_path):
  folder = tmp_path / 'export'
  exporter.export(config, checkpoint, str(folder), input_shape=[1, 64, None, 3])
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(frozen_graphs.read(folder), name='')
    shape = graph.get_tensor_by_name('image_tensor:0').shape.as_list()
  assert shape == [1, 64, None, 3]


def test_stock_config_does_not_lose_the_zeros(
  run, checkpoint, exported, tmp_path
):
  config = detectors.config(detectors.ssd(), run.data)
  report = exporter.export(config, checkpoint, str(tmp_path / 'export'))
  assert report.masked_sparsity == pytest.approx(trained.SPARSITY, abs=1e-3)
  assert frozen_graphs.read(tmp_path / 'export') == frozen_graphs.read(
    exported[0]
  )


def test_moving_averages_are_exported_with_the_masks_in_them(
  config, checkpoint, tmp_path
):
  tensors = checkpoints.read(checkpoint)
  name = 'FeatureExtractor/MobilenetV1/Conv2d_0/weights'
  trainable = [
    key.replace('/Momentum', '') for key in tensors if key.endswith('/Momentum')
  ]
  assert name in trainable
  for key in trainable:
    tensors[key + '/ExponentialMovingAverage'] = 2 * tensors[key]
  prefix = str(tmp_path / 'averaged/model.ckpt')
  checkpoints.write(prefix, tensors)
  averaged = pipeline_pb2.TrainEvalPipelineConfig()
  averaged.CopyFrom(config)
  averaged.eval_config.use_moving_averages = True
  exporter.export(averaged, prefix, str(tmp_path / 'export'))
  exported = checkpoints.read(str(tmp_path / 'export/model.ckpt'))
  mask = tensors[name.replace('weights', 'mask')]
  np.testing.assert_array_equal(exported[name], 2 * tensors[name] * mask)
  assert not [key for key in exported if 'Average' in key]


def test_newer_export_takes_the_place_of_an_older_one(
  config, checkpoint, older_export
):
  (older_export / 'saved_model').mkdir()
  (older_export / 'saved_model/old').write_bytes(b'old')
  (older_export / 'mine.txt').write_bytes(b'mine')
  exporter.export(config, checkpoint, str(older_export))
  assert set(os.listdir(str(older_export))) == FILES | {'mine.txt'}
  assert os.listdir(str(older_export / 'saved_model')) != ['old']
  assert len(frozen_graphs.read(older_export).node) > 500
