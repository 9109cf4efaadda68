"""The command on everything that holds a graph of a trained detector."""

import os

import detectors
import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
from object_detection import exporter as stock_exporter

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints
from object_detection_pruning.dataset_tools import shapes
from object_detection_pruning.graphs import graph_inputs

MODULE = 'object_detection_pruning.strip_pruning_vars'
OUTPUTS = [
  'detection_boxes',
  'detection_scores',
  'detection_classes',
  'num_detections',
]
NAMED = f'--output_node_names={",".join(OUTPUTS)}'
STRING_INPUT = 'encoded_image_string_tensor'


@pytest.fixture(scope='module')
def masked(run, tmp_path_factory):
  """Stock exports of the masked model, masks included, by input type."""
  folder = tmp_path_factory.mktemp('masked')
  config = pipeline.load(os.path.join(run.model_dir, 'pipeline.config'))
  for input_type in ('image_tensor', STRING_INPUT):
    with tf.Graph().as_default():
      stock_exporter.export_inference_graph(
        input_type,
        pipeline.without_pruning_message(config),
        tf.train.latest_checkpoint(run.model_dir),
        str(folder / input_type),
      )
  meta = tf.MetaGraphDef.FromString(
    (folder / 'image_tensor/model.ckpt.meta').read_bytes()
  )
  (folder / 'graph.pbtxt').write_text(str(meta.graph_def))
  checkpoints.write(str(folder / 'other/model.ckpt'), {'a': np.ones(3)})
  (folder / 'text.pb').write_text('no graph')
  (folder / 'empty').mkdir()
  return folder


def image():
  return shapes.generate(3, 0, detectors.IMAGE_SIZE).image


def detect(path, input_type='image_tensor'):
  (graph_input,) = [i for i in graph_inputs.INPUTS if i.name == input_type]
  with tf.Graph().as_default() as graph, tf.Session() as session:
    if str(path).endswith('.pb'):
      definition = tf.GraphDef.FromString(path.read_bytes())
      tf.import_graph_def(definition, name='')
      names = [f'{name}:0' for name in OUTPUTS]
    else:
      meta = tf.saved_model.loader.load(session, ['serve'], str(path))
      signature = meta.signature_def['serving_default']
      names = [signature.outputs[name].name for name in OUTPUTS]
    left = [n.name for n in graph.as_graph_def().node if 'mask' in n.name]
    fed = graph_input.encode(image(), tf.TensorShape([None] * 4))
    return session.run(names, {f'{input_type}:0': fed}), left


def assert_same(first, second):
  assert first[1].max() > 0.01
  for a, b in zip(first, second):
    assert a.tobytes() == b.tobytes()


def fill(text, folder):
  """Puts the folders that a test run has made into a flag or message."""
  for word, path in (
    ('IMAGE', 'FOLDER/image_tensor'),
    ('STRING', f'FOLDER/{STRING_INPUT}'),
    ('OTHER', 'FOLDER/other/model.ckpt'),
    ('FOLDER', str(folder)),
  ):
    text = text.replace(word, path)
  return text


CASES = [
  (['--input_graph=IMAGE/frozen_inference_graph.pb'], 'image_tensor'),
  (['--input_graph=IMAGE/saved_model'], 'image_tensor'),
  (['--checkpoint_dir=IMAGE', NAMED], 'image_tensor'),
  (['--input_graph=IMAGE/model.ckpt.meta', NAMED], 'image_tensor'),
  (
    ['--input_graph=FOLDER/graph.pbtxt', '--checkpoint_dir=IMAGE', NAMED],
    'image_tensor',
  ),
  (['--input_graph=STRING/frozen_inference_graph.pb'], STRING_INPUT),
]


@pytest.fixture(scope='module')
def stripped(masked):
  """What the command did in each of the cases."""
  return processes.command(
    MODULE,
    [
      [fill(flag, masked) for flag in flags]
      + [f'--output_dir={masked}/stripped-{index}']
      for index, (flags, _) in enumerate(CASES)
    ],
  )


@pytest.mark.parametrize('index', range(len(CASES)))
def test_stripped_graph_detects_the_same(masked, stripped, index):
  assert stripped[index].returncode == 0, stripped[index].stderr
  assert 'folded 22 masks, 0.7500 of' in stripped[index].stdout
  input_type = CASES[index][1]
  plain = masked / input_type / 'frozen_inference_graph.pb'
  expected, names = detect(plain, input_type)
  assert len(names) > 22
  path = masked / f'stripped-{index}' / 'stripped.pb'
  found, names = detect(path, input_type)
  assert names == []
  assert_same(found, expected)
  assert path.stat().st_size < 0.62 * plain.stat().st_size
  assert path.stat().st_mode & 0o444 == 0o444


def test_saved_model_is_stripped_as_one(masked, stripped):
  folder = masked / 'stripped-1'
  assert sorted(os.listdir(str(folder))) == ['saved_model', 'stripped.pb']
  found, names = detect(folder / 'saved_model')
  assert names == []
  assert_same(found, detect(folder / 'stripped.pb')[0])


def test_all_outputs_are_kept_when_none_is_named(masked, stripped):
  definition = tf.GraphDef.FromString(
    (masked / 'stripped-0/stripped.pb').read_bytes()
  )
  assert set(OUTPUTS) < {node.name for node in definition.node}


BAD_FLAGS = [
  ([], 'one of --model and --checkpoint is needed'),
  (['--input_graph=/no/graph.pb'], 'no such graph: /no/graph.pb'),
  (['--input_graph=FOLDER/text.pb'], 'FOLDER/text.pb is no graph: neither'),
  (['--input_graph=FOLDER/empty'], 'the folder FOLDER/empty is no SavedModel'),
  (
    ['--checkpoint_dir=FOLDER/empty'],
    'no checkpoint in the folder FOLDER/empty',
  ),
  (
    ['--checkpoint_dir=IMAGE'],
    'IMAGE/model.ckpt.meta is not frozen, so it may do more than detect: name',
  ),
  (
    ['--checkpoint_dir=IMAGE', '--output_node_names=detections'],
    'the graph has no output detections; its last nodes are ',
  ),
  (
    ['--input_graph=FOLDER/stripped-0/stripped.pb'],
    'nothing to strip: the outputs depend on no mask',
  ),
  (
    ['--input_graph=IMAGE/frozen_inference_graph.pb', '--filename=a/b.pb'],
    "filename must be a name without folders, got 'a/b.pb'",
  ),
  (
    [
      '--input_graph=IMAGE/frozen_inference_graph.pb',
      '--output_dir=IMAGE',
      '--filename=frozen_inference_graph.pb',
    ],
    'IMAGE/frozen_inference_graph.pb would replace the input',
  ),
  (
    ['--input_graph=IMAGE/saved_model', '--output_dir=IMAGE'],
    'IMAGE/saved_model would replace the input',
  ),
  (
    ['--input_graph=FOLDER/graph.pbtxt', NAMED],
    'FOLDER/graph.pbtxt is not frozen: it has 221 variables without values',
  ),
  (
    ['--input_graph=FOLDER/graph.pbtxt', NAMED, '--checkpoint_dir=OTHER'],
    '221 variables of FOLDER/graph.pbtxt are not in the checkpoint FOLDER/o',
  ),
  (
    [
      '--input_graph=IMAGE/frozen_inference_graph.pb',
      '--output_dir=FOLDER/stripped-0',
    ],
    'FOLDER/stripped-0/stripped.pb exists already: choose another name',
  ),
  (
    [
      '--input_graph=IMAGE/saved_model',
      '--output_dir=FOLDER/stripped-1',
      '--filename=second.pb',
    ],
    'FOLDER/stripped-1/saved_model exists already: choose another name',
  ),
  (
    ['--input_graph=FOLDER/text.pb', '--output_dir=FOLDER/text.pb'],
    'output_dir must be a folder, got FOLDER/text.pb: ',
  ),
]


@pytest.fixture(scope='module')
def refusals(masked, stripped):
  results = processes.command(
    MODULE,
    [
      [f'--output_dir={masked}/refused']
      + [fill(flag, masked) for flag in flags]
      for flags, _ in BAD_FLAGS
    ],
  )
  assert not (masked / 'refused').exists()
  return [
    (result, fill(words, masked))
    for result, (_, words) in zip(results, BAD_FLAGS)
  ]


@pytest.mark.parametrize('index', range(len(BAD_FLAGS)))
def test_bad_flags_give_one_line_and_leave_nothing_behind(refusals, index):
  result, words = refusals[index]
  processes.assert_refused(result, words)


def test_graph_of_a_training_run_is_stripped_with_its_checkpoint(run, tmp_path):
  """The graph that lies beside a training checkpoint, up to its predictions."""
  output = 'FeatureExtractor/MobilenetV1/MobilenetV1/Conv2d_13_pointwise/Relu6'
  (result,) = processes.command(
    MODULE,
    [
      [
        f'--checkpoint_dir={run.model_dir}',
        f'--output_node_names={output}',
        f'--output_dir={tmp_path}',
        '--filename=features.pb',
      ]
    ],
  )
  assert result.returncode == 0, result.stderr
  definition = tf.GraphDef.FromString((tmp_path / 'features.pb').read_bytes())
  names = {node.name: node for node in definition.node}
  assert output in names
  kernel = 'FeatureExtractor/MobilenetV1/Conv2d_13_pointwise/weights'
  values = tf.make_ndarray(names[kernel].attr['value'].tensor)
  assert np.mean(values == 0) == pytest.approx(0.75, abs=1e-3)
