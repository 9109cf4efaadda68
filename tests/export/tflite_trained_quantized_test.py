"""TFLite models that were trained with the rounding of 8 bits."""

import os

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors, stacks
from object_detection_pruning.core import masking
from object_detection_pruning.export import tflite, tflite_numbers
from object_detection_pruning.inference import tflite_detector
from object_detection_pruning.inspection import tflite_cost

classic = pytest.mark.skipif(
  stacks.current() != stacks.CLASSIC, reason='TensorFlow 2 has no tf.contrib'
)


def quantised_config():
  config = detectors.config(detectors.ssd(masked=True))
  config.graph_rewriter.quantization.delay = 0
  return config


def set_ranges(session):
  """Gives FakeQuant what training measures; 0 is no step of the weights'."""
  for variable in tf.global_variables():
    name = variable.op.name
    if name.endswith(('quant/min', 'quant/max')):
      low, high = (-0.37, 0.52) if 'weights_quant' in name else (-6.0, 6.0)
      session.run(variable.assign(low if name.endswith('min') else high))


def write_checkpoint(config, prefix):
  """Saves a model with masks and FakeQuant; gives the masks by layer."""
  from object_detection.builders import graph_rewriter_builder

  with tf.Graph().as_default(), tf.Session() as session:
    detectors.predict(config)
    graph_rewriter_builder.build(config.graph_rewriter, is_training=False)()
    tf.train.get_or_create_global_step()
    session.run(tf.global_variables_initializer())
    set_ranges(session)
    random = np.random.RandomState(0)
    masks = {}
    for kernel in masking.masked_kernels():
      keep = random.rand(*kernel.shape) > 0.7
      kernel.mask.load(keep.astype(np.float32), session)
      masks[kernel.weights.op.name.rsplit('/', 1)[0]] = keep
    tf.train.Saver().save(session, prefix)
  return masks


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
  """The path of an 8-bit model, and the masks that it was made with."""
  folder = str(tmp_path_factory.mktemp('quantised'))
  prefix = os.path.join(folder, 'model.ckpt')
  masks = write_checkpoint(quantised_config(), prefix)
  return tflite.export(quantised_config(), prefix, folder), masks


def layer_of(name):
  """The scope of a layer's variables; that of its ops has one name twice."""
  scope = name.split('/weights_quant')[0]
  return scope.replace('MobilenetV1/MobilenetV1/', 'MobilenetV1/')


@classic
def test_every_masked_weight_is_the_zero_point_of_its_tensor(exported):
  path, masks = exported
  interpreter = tf.lite.Interpreter(path)
  interpreter.allocate_tensors()
  weights = {
    layer_of(each['name']): each
    for each in interpreter.get_tensor_details()
    if '/weights_quant' in each['name']
  }
  masked = 0
  for layer, mask in masks.items():
    details = weights[layer]
    assert details['dtype'] == np.uint8
    scale, zero_point = details['quantization']
    assert scale > 0
    # TFLite has output channels first.
    kept = mask.transpose([3, 0, 1, 2])
    stored = interpreter.get_tensor(details['index'])
    assert (stored[~kept] == zero_point).all()
    # Else all would be zeros, and the line above say nothing.
    assert (stored[kept] != zero_point).mean() > 0.2
    masked += (~kept).sum()
  assert masked > 0
  cost = tflite_cost.measure(path)
  assert sum(each.size - each.nonzeros for each in cost.layers) >= masked


@classic
def test_model_computes_in_8_bits_and_detects(exported):
  path, _ = exported
  assert os.path.basename(path) == tflite.QUANTIZED_MODEL
  interpreter = tf.lite.Interpreter(path)
  (image,) = interpreter.get_input_details()
  assert image['dtype'] == np.uint8
  scale, zero_point = image['quantization']
  assert scale == pytest.approx(2 / 255, rel=1e-4)
  assert zero_point in (127, 128)
  assert len(interpreter.get_output_details()) == 4
  size = detectors.IMAGE_SIZE
  found = tflite_detector.load(path).detect(
    np.random.RandomState(0).randint(0, 255, [size, size, 3], np.uint8)
  )
  assert np.isfinite(found.boxes).all()


def test_colors_that_are_scaled_differently_are_refused():
  with pytest.raises(errors.InputError, match='one scale and offset'):
    tflite_numbers.trained_ranges(
      tflite_numbers.PixelScaling([1.0] * 3, [-123.7, -116.8, -103.9])
    )


def test_scale_and_offset_become_mean_and_deviation():
  ranges = tflite_numbers.trained_ranges(
    tflite_numbers.PixelScaling([2 / 255] * 3, [-1.0] * 3)
  )
  assert (ranges.mean, ranges.deviation) == pytest.approx((127.5, 127.5))


@pytest.mark.skipif(
  stacks.current() == stacks.CLASSIC, reason='the classic stack has it'
)
def test_modern_stack_names_the_one_that_has_it(tmp_path):
  with pytest.raises(errors.InputError, match='graph_rewriter.*classic'):
    tflite.export(quantised_config(), 'none', str(tmp_path / 'new'))
  assert not (tmp_path / 'new').exists()


@classic
def test_other_bits_are_refused(tmp_path):
  config = quantised_config()
  config.graph_rewriter.quantization.weight_bits = 4
  with pytest.raises(errors.InputError, match='weight_bits must be 8, got 4'):
    tflite.export(config, 'none', str(tmp_path))
