"""TFLite models, exported by the command, run by TensorFlow's interpreter."""

import json
import os

import detectors
import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints, errors, stacks
from object_detection_pruning.dataset_tools import shapes
from object_detection_pruning.export import (
  exporter,
  tflite,
  tflite_postprocessing,
)
from object_detection_pruning.inference import (
  frozen_graph,
  image_files,
  tflite_detector,
)

MODULE = 'object_detection_pruning.export_tflite'
SSD_FOLDER = 'ssd_mobilenet_v1_0.75_coco'


def export_all(config, checkpoint, folder):
  """Exports a frozen graph and TFLite models, and loads them."""
  exporter.export(config, checkpoint, folder)
  plain = frozen_graph.load(os.path.join(folder, exporter.FROZEN_GRAPH))
  models = [
    tflite_detector.load(tflite.export(config, checkpoint, folder, quantize))
    for quantize in (False, True)
  ]
  return [plain] + models


@pytest.fixture(scope='module')
def exported(run, tmp_path_factory):
  """The folder of an export, and its detectors: plain, float, 8-bit."""
  folder = str(tmp_path_factory.mktemp('tflite'))
  return folder, export_all(
    pipeline.load(os.path.join(run.model_dir, 'pipeline.config')),
    checkpoints.resolve(run.model_dir),
    folder,
  )


def assert_same(plain, other, image, at_least=0.0):
  first, second = plain.detect(image), other.detect(image)
  assert first.scores.size > 5
  assert first.scores.max() > at_least
  np.testing.assert_allclose(second.scores, first.scores, atol=1e-4)
  # Two scores may be as good as equal, and change places.
  clear = np.abs(np.diff(first.scores)) > 1e-4
  clear = np.append(clear, True) & np.append(True, clear)
  assert clear.any()
  np.testing.assert_array_equal(second.class_ids[clear], first.class_ids[clear])
  np.testing.assert_allclose(second.boxes[clear], first.boxes[clear], atol=0.1)


def test_float_model_finds_what_the_frozen_graph_finds(exported):
  plain, model, _ = exported[1]
  for index in range(3):
    # Of another size than the model's, so that scaling is compared as well.
    assert_same(plain, model, shapes.generate(3, index, 131).image)


def test_8_bit_model_finds_nearly_the_same(exported):
  plain, _, model = exported[1]
  image = shapes.generate(3, 0, 131).image
  first, second = plain.detect(image), model.detect(image)
  assert np.abs(first.scores[0] - second.scores[0]) < 0.05
  assert second.scores.size == first.scores.size


def test_zeros_and_8_bits_make_files_smaller(exported):
  folder = exported[0]
  float_size, quantized_size = [
    os.path.getsize(os.path.join(folder, name))
    for name in (tflite.MODEL, tflite.QUANTIZED_MODEL)
  ]
  assert quantized_size < 0.4 * float_size


def test_weights_that_were_zero_are_zero_in_either_model(exported):
  folder = exported[0]
  stock = checkpoints.read(os.path.join(folder, 'model.ckpt'))
  kernel = stock['FeatureExtractor/MobilenetV1/Conv2d_13_pointwise/weights']
  zeros = np.count_nonzero(kernel == 0)
  assert zeros == pytest.approx(0.75 * kernel.size, abs=1)
  for name in (tflite.MODEL, tflite.QUANTIZED_MODEL):
    interpreter = tf.lite.Interpreter(os.path.join(folder, name))
    interpreter.allocate_tensors()
    shape = [kernel.shape[3], 1, 1, kernel.shape[2]]
    found = [
      interpreter.get_tensor(details['index'])
      for details in interpreter.get_tensor_details()
      if list(details['shape']) == shape
    ]
    assert [np.count_nonzero(each == 0) >= zeros for each in found] == [True]


def test_normalization_is_that_of_the_feature_extractor(exported):
  with open(os.path.join(exported[0], 'model.json')) as file:
    description = json.load(file)
  assert description['max_detections'] == 20
  np.testing.assert_allclose(description['input_scale'], [2 / 255] * 3)
  np.testing.assert_allclose(description['input_offset'], [-1] * 3)


def test_model_without_description_takes_the_usual_one(exported, tmp_path):
  source = os.path.join(exported[0], tflite.MODEL)
  path = tmp_path / 'alone.tflite'
  with open(source, 'rb') as file:
    path.write_bytes(file.read())
  image = shapes.generate(3, 0, 96).image
  alone = tflite_detector.load(str(path)).detect(image)
  found = exported[1][1].detect(image)
  # Nothing says here how many are enough.
  assert alone.scores.size >= found.scores.size == 20
  np.testing.assert_array_equal(alone.scores[:20], found.scores)


def test_model_without_detection_op_gives_what_decodes_to_the_same(
  run, exported, tmp_path
):
  path = tflite.export(
    pipeline.load(os.path.join(run.model_dir, 'pipeline.config')),
    checkpoints.resolve(run.model_dir),
    str(tmp_path),
    postprocessing=tflite_postprocessing.PostProcessing(add_op=False),
  )
  image = shapes.generate(3, 0, detectors.IMAGE_SIZE).image
  with open(str(tmp_path / 'model.json')) as file:
    description = json.load(file)
  interpreter = tf.lite.Interpreter(path)
  interpreter.allocate_tensors()
  (source,) = interpreter.get_input_details()
  pixels = image * description['input_scale'] + description['input_offset']
  interpreter.set_tensor(source['index'], pixels[None].astype(np.float32))
  interpreter.invoke()
  boxes, scores = [
    interpreter.get_tensor(each['index'])[0]
    for each in interpreter.get_output_details()
  ]
  best = exported[1][1].detect(image)
  anchor, label = np.unravel_index(
    np.argmax(scores[:, 1:]), scores[:, 1:].shape
  )
  assert scores[anchor, label + 1] == pytest.approx(best.scores[0], abs=1e-5)
  assert label + 1 == best.class_ids[0]
  np.testing.assert_allclose(
    decoded(boxes[anchor], description, anchor), best.boxes[0], atol=0.05
  )
  with pytest.raises(errors.InputError, match='model.tflite is no detector'):
    tflite_detector.load(path)


def decoded(encoded, description, index):
  """A box in pixels: ymin, xmin, ymax, xmax."""
  anchor = np.array(description['anchors'][index])
  offsets = encoded / np.array(description['box_scales'])
  center = anchor[:2] + offsets[:2] * anchor[2:]
  half = anchor[2:] * np.exp(offsets[2:]) / 2
  return np.concatenate([center - half, center + half]) * detectors.IMAGE_SIZE


@pytest.mark.parametrize(
  'text',
  [
    '{}',
    'no json',
    '{"input_scale": 1, "input_offset": 2}',
    '[]',
    '{"input_scale": [1, 1, 1], "input_offset": [0, 0, 0], '
    '"resize_method": "LANCZOS"}',
  ],
)
def test_broken_description_is_refused(exported, tmp_path, text):
  path = tmp_path / 'model.tflite'
  with open(os.path.join(exported[0], tflite.MODEL), 'rb') as file:
    path.write_bytes(file.read())
  (tmp_path / 'model.json').write_text(text)
  with pytest.raises(errors.InputError, match='model.json does not describe'):
    tflite_detector.load(str(path))


def test_file_that_is_no_model_is_refused(tmp_path):
  path = tmp_path / 'model.tflite'
  path.write_bytes(b'\x1c\0\0\0TFL3 and nothing more')
  with pytest.raises(errors.InputError, match='is a damaged TFLite model'):
    tflite_detector.load(str(path))


@pytest.mark.slow
def test_real_images(tmp_path):
  data = os.environ.get('ODP_DATA')
  if not data:
    pytest.skip('ODP_DATA is not set: no real images')
  folder = os.path.join(data, SSD_FOLDER)
  with open(os.path.join(folder, 'model_only.config')) as file:
    model = file.read()
  (tmp_path / 'pipeline.config').write_text(model)
  plain, float_model, quantized = export_all(
    pipeline.load(str(tmp_path / 'pipeline.config')),
    checkpoints.resolve(checkpoint_in(folder)),
    str(tmp_path),
  )
  paths = image_files.find([os.path.join(data, 'voc_mini100', 'JPEGImages')])
  for path in paths[:4]:
    image = image_files.read(path)
    assert_same(plain, float_model, image, at_least=0.3)
    first, second = plain.detect(image), quantized.detect(image)
    assert first.class_ids[0] == second.class_ids[0]
    assert np.abs(first.scores[0] - second.scores[0]) < 0.15


def checkpoint_in(folder):
  (index,) = [n for n in os.listdir(folder) if n.endswith('.index')]
  return os.path.join(folder, index[: -len('.index')])


BAD_FLAGS = [
  (['--pipeline_config_path=FRCNN'], 'only an ssd can be exported for TFLite'),
  (
    [
      '--config_override=model { ssd { image_resizer { '
      'keep_aspect_ratio_resizer { } } } }'
    ],
    'only a fixed_shape_resizer can be exported for TFLite',
  ),
  (
    [
      '--config_override=model { ssd { image_resizer { fixed_shape_resizer { '
      'convert_to_grayscale: true } } } }'
    ],
    'only color images can be exported for TFLite',
  ),
  (
    ['--output_directory=STOCK.index'],
    '--output_dir must be a folder, got EXPORTED/model.ckpt.index: ',
  ),
  (
    ['--max_detections=0'],
    'max_detections must be a whole number, 1 or more, got 0',
  ),
  (
    ['--detections_per_class=5', '--nouse_regular_nms'],
    'detections_per_class means nothing where all boxes are suppressed at once',
  ),
  (['--images=photos'], '--images goes with --quantize'),
  (
    ['--images=/no/photos', '--quantize'],
    'measuring ranges of activations on images needs TensorFlow 2.15'
    if stacks.current() == stacks.CLASSIC
    else "no image, folder or record file at '/no/photos'",
  ),
  (['--num_images=0'], '--num_images must be a whole number, 1 or more, got 0'),
  (['--trained_checkpoint_prefix=/no/model.ckpt'], 'no checkpoint at'),
  (['--trained_checkpoint_prefix=STOCK'], 'feature extractor ssd_masked_mobi'),
  (['--pipeline_config_path=/no/such.config'], 'no pipeline config at'),
]


@pytest.fixture(scope='module')
def refusals(run, exported, tmp_path_factory):
  folder = tmp_path_factory.mktemp('bad')
  detectors.write(detectors.config(detectors.faster_rcnn()), folder / 'other')
  places = (
    ('FRCNN', f'{folder}/other/pipeline.config'),
    ('STOCK', f'{exported[0]}/model.ckpt'),
  )

  def fill(text):
    for word, path in places:
      text = text.replace(word, path)
    return text

  results = processes.command(
    MODULE,
    [
      [
        f'--pipeline_config_path={run.model_dir}/pipeline.config',
        f'--trained_checkpoint_prefix={run.model_dir}',
        f'--output_directory={folder}/exported',
      ]
      + [fill(flag) for flag in flags]
      for flags, _ in BAD_FLAGS
    ],
  )
  assert os.listdir(str(folder)) == ['other']
  return results, exported[0]


@pytest.mark.parametrize('index', range(len(BAD_FLAGS)))
def test_bad_flags_give_one_line_and_leave_nothing_behind(refusals, index):
  results, folder = refusals
  words = BAD_FLAGS[index][1].replace('EXPORTED', folder)
  processes.assert_refused(results[index], words)


def test_checkpoint_of_which_masks_would_be_lost_is_refused(run, tmp_path):
  tensors = checkpoints.read(checkpoints.resolve(run.model_dir))
  tensors['Other/weights'] = np.ones([2, 2], 'f')
  tensors['Other/mask'] = np.ones([2, 2], 'f')
  prefix = str(tmp_path / 'more/model.ckpt')
  checkpoints.write(prefix, tensors)
  config = pipeline.load(os.path.join(run.model_dir, 'pipeline.config'))
  with pytest.raises(errors.InputError, match='Other/weights for one: their'):
    tflite.export(config, prefix, str(tmp_path / 'exported'))
  assert os.listdir(str(tmp_path)) == ['more']


def test_command_writes_a_model_and_its_description(run, tmp_path):
  result = processes.python(
    '-m',
    MODULE,
    f'--pipeline_config_path={run.model_dir}/pipeline.config',
    f'--trained_checkpoint_prefix={run.model_dir}',
    f'--output_directory={tmp_path}',
    '--quantize',
    '--max_detections=7',
  )
  assert result.returncode == 0, result.stderr
  assert sorted(os.listdir(str(tmp_path))) == [
    'model_8bit.json',
    'model_8bit.tflite',
  ]
  assert 'model_8bit.tflite (0.' in result.stdout
  detector = tflite_detector.load(str(tmp_path / 'model_8bit.tflite'))
  assert detector.detect(shapes.generate(3, 0, 96).image).scores.size == 7
