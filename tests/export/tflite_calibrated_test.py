"""TFLite models whose 8-bit ranges were measured on photos."""

import os

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from object_detection.protos import image_resizer_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints, errors, stacks
from object_detection_pruning.dataset_tools import shapes
from object_detection_pruning.export import tflite, tflite_numbers
from object_detection_pruning.inference import tflite_detector
from object_detection_pruning.inspection import tflite_cost

modern = pytest.mark.skipif(
  stacks.current() == stacks.CLASSIC,
  reason='the converter of TensorFlow 1 crashes on the detection op',
)
KERNEL = 'FeatureExtractor/MobilenetV1/Conv2d_13_pointwise/weights'


def pictures(count=16):
  return [shapes.generate(5, number, 96).image for number in range(count)]


def never():
  """Photos that are read too early."""
  raise AssertionError('photos were read')


def config_of(run):
  return pipeline.load(os.path.join(run.model_dir, 'pipeline.config'))


@pytest.fixture(scope='module')
def exported(run, tmp_path_factory):
  """The paths of a float model and of one in 8 bits."""
  folder = str(tmp_path_factory.mktemp('calibrated'))
  checkpoint = checkpoints.resolve(run.model_dir)
  return (
    tflite.export(config_of(run), checkpoint, folder),
    tflite.export(
      config_of(run),
      checkpoint,
      folder,
      quantize=True,
      images=pictures,
    ),
  )


@modern
def test_every_kernel_is_in_8_bits_and_keeps_its_zeros(run, exported):
  path = exported[1]
  tensors = checkpoints.read(checkpoints.resolve(run.model_dir))
  mask = tensors[KERNEL[: -len('weights')] + 'mask']
  interpreter = tf.lite.Interpreter(path)
  interpreter.allocate_tensors()
  kernels = [
    each
    for each in interpreter.get_tensor_details()
    if len(each['shape']) == 4
    and each['dtype'] == np.int8
    and len(each['quantization_parameters']['scales']) > 1
  ]
  floats, eight_bits = [tflite_cost.measure(each) for each in exported]
  assert len(kernels) == len(eight_bits.layers) == len(floats.layers)
  for one, other in zip(floats.layers, eight_bits.layers):
    # What rounds to zero comes on top.
    assert other.size - other.nonzeros >= one.size - one.nonzeros
  (found,) = [
    each
    for each in kernels
    if list(each['shape']) == [mask.shape[3], 1, 1, mask.shape[2]]
  ]
  stored = interpreter.get_tensor(found['index'])
  kept = mask.transpose([3, 0, 1, 2]) > 0
  assert not kept.all()
  assert (stored[~kept] == 0).all()
  assert (stored[kept] != 0).mean() > 0.9


@modern
def test_model_takes_pixels_and_finds_nearly_the_same(exported):
  interpreter = tf.lite.Interpreter(exported[1])
  (image,) = interpreter.get_input_details()
  assert image['dtype'] == np.uint8
  scale, zero_point = image['quantization']
  assert scale == pytest.approx(2 / 255, rel=1e-3)
  assert zero_point in (127, 128)
  floats, eight_bits = [tflite_detector.load(each) for each in exported]
  for picture in pictures(24)[16:]:
    first, second = floats.detect(picture), eight_bits.detect(picture)
    assert np.abs(first.scores[0] - second.scores[0]) < 0.1


@modern
def test_ranges_are_those_of_the_images(run, exported, tmp_path):
  other = tflite.export(
    config_of(run),
    checkpoints.resolve(run.model_dir),
    str(tmp_path),
    quantize=True,
    images=lambda: [np.zeros([96, 96, 3], np.uint8)],
  )
  scales = [
    {
      each['name']: each['quantization'][0]
      for each in tf.lite.Interpreter(path).get_tensor_details()
      if 'Relu6' in each['name']
    }
    for path in (exported[1], other)
  ]
  assert scales[0] and scales[0] != scales[1]


def test_network_that_scales_colors_differently_takes_floats():
  scaling = tflite_numbers.PixelScaling([1.0] * 3, [-123.7, -116.8, -103.9])
  numbers = tflite_numbers.measured_ranges(pictures(1), None, scaling)
  converter = tf.lite.TFLiteConverter.__new__(tf.lite.TFLiteConverter)
  converter.target_spec = type('TargetSpec', (), {})()
  numbers.set_up(converter, 'image')
  assert not hasattr(converter, 'inference_input_type')


def test_input_reaches_from_black_to_white_on_grey_photos():
  scaling = tflite_numbers.PixelScaling([2 / 255] * 3, [-1.0] * 3)
  numbers = tflite_numbers.measured_ranges(
    [None, None], lambda image: np.zeros([1, 4, 4, 3], np.float32), scaling
  )
  converter = type('Converter', (), {'target_spec': type('Spec', (), {})()})()
  numbers.set_up(converter, 'image')
  batches = [batch for (batch,) in converter.representative_dataset()]
  assert len(batches) == 2
  for batch in batches:
    assert batch.min() == -1 and batch.max() == pytest.approx(1)
    assert np.count_nonzero(batch) == 6
  # It is asked for more than once where the converter looks twice.
  assert len(list(converter.representative_dataset())) == 2


@pytest.mark.parametrize('method', ['BILINEAR', 'AREA'])
def test_ranges_are_measured_on_images_resized_as_the_config_says(method):
  config = detectors.config(detectors.ssd())
  resizer = config.model.ssd.image_resizer.fixed_shape_resizer
  resizer.resize_method = image_resizer_pb2.ResizeType.Value(method)
  scaling = tflite_numbers.PixelScaling([1.0] * 3, [0.0] * 3)
  # Columns of black and white, two of which become one.
  photo = np.zeros([192, 192, 3], np.uint8)
  photo[:, 1::2] = 255
  numbers = tflite._numbers(config, scaling, True, lambda: [photo])
  converter = type('Converter', (), {'target_spec': type('Spec', (), {})()})()
  numbers.set_up(converter, 'image')
  ((batch,),) = converter.representative_dataset()
  assert batch[0, 1, 1, 0] == {'BILINEAR': 0, 'AREA': 127.5}[method]


def test_what_goes_beyond_black_and_white_is_cut():
  scaling = tflite_numbers.PixelScaling([2 / 255] * 3, [-1.0] * 3)
  pixels = np.linspace(-1.4, 1.4, 48, dtype=np.float32).reshape([1, 4, 4, 3])
  numbers = tflite_numbers.measured_ranges([None], lambda _: pixels, scaling)
  converter = type('Converter', (), {'target_spec': type('Spec', (), {})()})()
  numbers.set_up(converter, 'image')
  ((batch,),) = converter.representative_dataset()
  assert batch.min() == -1 and batch.max() == pytest.approx(1)


def test_images_of_a_float_model_are_refused(run, tmp_path):
  with pytest.raises(errors.InputError, match='nothing without quantize'):
    tflite.export(config_of(run), 'none', str(tmp_path), images=never)


def test_images_of_a_model_trained_in_8_bits_are_refused(tmp_path):
  config = detectors.config(detectors.ssd(masked=True))
  config.graph_rewriter.quantization.delay = 0
  with pytest.raises(errors.InputError, match='graph_rewriter'):
    tflite.export(config, 'none', str(tmp_path), True, images=never)


@pytest.mark.skipif(
  stacks.current() != stacks.CLASSIC, reason='the modern stack has it'
)
def test_classic_stack_names_the_one_that_has_it(run, tmp_path):
  with pytest.raises(errors.InputError, match='2.15.*STACK=modern'):
    tflite.export(config_of(run), 'none', str(tmp_path), True, images=never)
  assert not os.listdir(str(tmp_path))


def test_no_images_are_refused():
  scaling = tflite_numbers.PixelScaling([2 / 255] * 3, [-1.0] * 3)
  with pytest.raises(errors.InputError, match='one photo or more, got none'):
    tflite_numbers.measured_ranges([], None, scaling)


@modern
def test_what_the_converter_refuses_is_one_line(run, tmp_path, monkeypatch):
  monkeypatch.setattr(
    tflite_numbers,
    'measured_ranges',
    lambda *_: tflite_numbers.MeasuredRanges(
      lambda: iter([np.zeros([1, 1, 1, 1, 1], np.float32)]), True
    ),
  )
  with pytest.raises(errors.InputError, match='converter refuses the model: '):
    tflite.export(
      config_of(run),
      checkpoints.resolve(run.model_dir),
      str(tmp_path),
      True,
      images=lambda: [],
    )
  assert not os.listdir(str(tmp_path))
