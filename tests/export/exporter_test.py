import io
import os

import detectors
import numpy as np
import processes
import pytest
import tensorflow as tf
import trained
from object_detection import exporter as stock_exporter
from object_detection.protos import pipeline_pb2
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

from object_detection_pruning import pipeline
from object_detection_pruning.core import (
  checkpoints,
  errors,
  masking,
  pruner,
  thresholds,
)
from object_detection_pruning.dataset_tools import shapes
from object_detection_pruning.export import exporter

OUTPUTS = [
  'detection_boxes',
  'detection_scores',
  'detection_classes',
  'num_detections',
]
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


def graph_def(path):
  definition = tf.GraphDef()
  with open(path, 'rb') as file:
    definition.ParseFromString(file.read())
  return definition


def frozen(folder):
  return graph_def(os.path.join(str(folder), 'frozen_inference_graph.pb'))


def images():
  """Two pictures of shapes, as a batch."""
  return np.stack(
    [shapes.generate(3, index, detectors.IMAGE_SIZE).image for index in (0, 1)]
  )


def detect(definition, fed=None, outputs=OUTPUTS, node='image_tensor'):
  """Runs a frozen graph."""
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(definition, name='')
    with tf.Session(graph=graph) as session:
      return session.run(
        [f'{name}:0' for name in outputs],
        {f'{node}:0': images() if fed is None else fed},
      )


def assert_identical(first, second):
  for a, b in zip(first, second):
    assert a.dtype == b.dtype
    assert a.tobytes() == b.tobytes()


def export_unstripped(config, checkpoint, folder, include=()):
  """The masked model as it is, through the stock exporter."""
  with tf.Graph().as_default(), masking.masking_scope(include):
    stock_exporter.export_inference_graph(
      'image_tensor',
      pipeline.without_pruning_message(config),
      checkpoint,
      str(folder),
    )
  return frozen(folder)


def pruning_nodes(definition):
  return [
    node.name
    for node in definition.node
    if node.name.rpartition('/')[2] in ('mask', 'threshold', 'masked_weight')
    or 'model_pruning' in node.name
  ]


@pytest.fixture(scope='module')
def checkpoint(run):
  return checkpoints.resolve(run.model_dir)


@pytest.fixture(scope='module')
def config(run):
  return pipeline.load(os.path.join(run.model_dir, 'pipeline.config'))


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
  definitions = [frozen(folder), meta.graph_def]
  definitions += [graph.graph_def for graph in saved.meta_graphs]
  assert len(definitions) == 3
  for definition in definitions:
    assert len(definition.node) > 500
    assert pruning_nodes(definition) == []
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
  unstripped = export_unstripped(config, checkpoint, tmp_path)
  assert len(pruning_nodes(unstripped)) >= 2 * 22
  expected = detect(unstripped)
  # Else nothing much is compared.
  assert expected[1].min() > 0
  assert len(np.unique(expected[0])) > 50
  assert_identical(detect(frozen(exported[0])), expected)


def test_saved_model_detects_the_same(exported):
  with tf.Graph().as_default(), tf.Session() as session:
    meta = tf.saved_model.loader.load(
      session, ['serve'], str(exported[0] / 'saved_model')
    )
    signature = meta.signature_def['serving_default']
    names = [signature.outputs[output].name for output in OUTPUTS]
    found = session.run(names, {signature.inputs['inputs'].name: images()})
  assert_identical(found, detect(frozen(exported[0])))


def test_stock_program_exports_the_same_again_without_this_library(
  exported, tmp_path
):
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
  again = frozen(tmp_path / 'again')
  assert again == frozen(folder)


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
  pictures = [png(image) for image in images()]
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
  found = detect(frozen(tmp_path / 'export'), pictures, node=node)
  assert_identical(found, detect(frozen(exported[0])))


def png(image):
  stream = io.BytesIO()
  Image.fromarray(image).save(stream, 'PNG')
  return stream.getvalue()


def test_input_shape_is_fixed_on_request(config, checkpoint, tmp_path):
  folder = tmp_path / 'export'
  exporter.export(config, checkpoint, str(folder), input_shape=[1, 64, None, 3])
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(frozen(folder), name='')
    shape = graph.get_tensor_by_name('image_tensor:0').shape.as_list()
  assert shape == [1, 64, None, 3]


def test_stock_config_does_not_lose_the_zeros(
  run, checkpoint, exported, tmp_path
):
  config = detectors.config(detectors.ssd(), run.data)
  report = exporter.export(config, checkpoint, str(tmp_path / 'export'))
  assert report.masked_sparsity == pytest.approx(trained.SPARSITY, abs=1e-3)
  assert frozen(tmp_path / 'export') == frozen(exported[0])


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


@pytest.fixture
def older_export(tmp_path):
  """An output folder that has something in it."""
  folder = tmp_path / 'export'
  folder.mkdir()
  (folder / 'frozen_inference_graph.pb').write_bytes(b'old')
  return folder


def assert_refuses(folder, words, *arguments):
  with pytest.raises(errors.InputError) as error:
    exporter.export(*arguments)
  assert words in str(error.value)
  assert '\n' not in str(error.value)
  # What was there is there still, and nothing else.
  assert os.listdir(str(folder)) == ['frozen_inference_graph.pb']
  assert (folder / 'frozen_inference_graph.pb').read_bytes() == b'old'
  assert not [
    name for name in os.listdir(str(folder.parent)) if name.startswith('.')
  ]


def test_refuses_a_masked_config_with_a_checkpoint_without_masks(
  config, exported, older_export
):
  assert_refuses(
    older_export,
    'ssd_masked_mobilenet_v1 is masked but',
    config,
    str(exported[0] / 'model.ckpt'),
    str(older_export),
  )


def test_refuses_a_checkpoint_of_which_masks_would_be_lost(
  config, checkpoint, older_export, tmp_path
):
  tensors = checkpoints.read(checkpoint)
  tensors['Other/weights'] = np.ones([2, 2], 'f')
  tensors['Other/mask'] = np.ones([2, 2], 'f')
  prefix = str(tmp_path / 'more/model.ckpt')
  checkpoints.write(prefix, tensors)
  assert_refuses(
    older_export,
    'Other/weights for one: their masks would be lost',
    config,
    prefix,
    str(older_export),
  )


def test_refuses_a_checkpoint_of_another_model(run, checkpoint, older_export):
  other = detectors.config(detectors.ssd(masked=True, depth=0.5), run.data)
  # TensorFlow names a wrong shape or a missing variable, whichever it meets.
  assert_refuses(
    older_export,
    'the checkpoint does not fit the pipeline config: ',
    other,
    checkpoint,
    str(older_export),
  )


@pytest.mark.parametrize(
  'arguments, words',
  [
    (('image',), 'input_type must be one of image_tensor, encoded'),
    (('tf_example', [1, 2, 3, 3]), 'input_shape goes with input_type image_t'),
  ],
)
def test_refuses_arguments_before_it_reads(older_export, arguments, words):
  assert_refuses(
    older_export, words, None, '/nowhere', str(older_export), *arguments
  )


def test_newer_export_takes_the_place_of_an_older_one(
  config, checkpoint, older_export
):
  (older_export / 'saved_model').mkdir()
  (older_export / 'saved_model/old').write_bytes(b'old')
  (older_export / 'mine.txt').write_bytes(b'mine')
  exporter.export(config, checkpoint, str(older_export))
  assert set(os.listdir(str(older_export))) == FILES | {'mine.txt'}
  assert os.listdir(str(older_export / 'saved_model')) != ['old']
  assert len(frozen(older_export).node) > 500


@pytest.fixture(scope='module')
def mask_rcnn(tmp_path_factory):
  """Config and checkpoint of a Mask R-CNN whose every kernel is half masked."""
  prefix = str(tmp_path_factory.mktemp('mask_rcnn') / 'model.ckpt')
  config = detectors.config(
    detectors.faster_rcnn(masked=True, instance_masks=True),
    pruning='include: ""',
  )
  with tf.Graph().as_default():
    tf.train.create_global_step()
    with masking.masking_scope(include=['']):
      detectors.predict(config)
    kernels = masking.masked_kernels()
    assert len(kernels) == 76
    the_pruner = pruner.Pruner(kernels)
    with tf.Session() as session:
      session.run(tf.global_variables_initializer())
      the_pruner.update(session, the_pruner.zeros_for([0.5] * len(kernels)))
      tf.train.Saver().save(session, prefix)
  return config, prefix


def test_mask_rcnn_detects_the_same_and_is_written_once(mask_rcnn, tmp_path):
  config, prefix = mask_rcnn
  report = exporter.export(config, prefix, str(tmp_path / 'ours'))
  assert report.masked_sparsity == pytest.approx(0.5, abs=1e-3)
  assert report.total_sparsity > 0.49
  ours = frozen(tmp_path / 'ours')
  assert pruning_nodes(ours) == []
  tensors = checkpoints.read(str(tmp_path / 'ours/model.ckpt'))
  weights = sum(array.nbytes for array in tensors.values())
  size = (tmp_path / 'ours/frozen_inference_graph.pb').stat().st_size
  # The second stage is built twice, for boxes and for masks, and its weights
  # are more than half of all.
  assert weights < size < 1.1 * weights
  masked = export_unstripped(config, prefix, tmp_path / 'masked', [''])
  assert len(pruning_nodes(masked)) >= 2 * 76
  outputs = OUTPUTS + ['detection_masks']
  assert_identical(
    detect(ours, outputs=outputs), detect(masked, outputs=outputs)
  )
