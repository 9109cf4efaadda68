"""A trained SSD as a TFLite model: in floats, or in 8 bits in part or all."""

import json
import os
import tempfile
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection import export_tflite_ssd_graph_lib as stock
from object_detection.builders import model_builder
from object_detection.protos import image_resizer_pb2, pipeline_pb2

from object_detection_pruning.builders import stack_checks
from object_detection_pruning.common import (
  atomic_files,
  checkpoints,
  errors,
  paths,
  stacks,
)
from object_detection_pruning.export import (
  exporter,
  stripping,
  tflite_conversion,
  tflite_numbers,
  tflite_postprocessing,
  tflite_upsampling,
)
from object_detection_pruning.inference import resizing, tflite_detector

MODEL = 'model.tflite'
QUANTIZED_MODEL = 'model_8bit.tflite'
_CHECKPOINT = 'model.ckpt'

Images = Callable[[], Sequence[np.ndarray]]


def export(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  checkpoint: str,
  output_dir: str,
  quantize: bool = False,
  postprocessing: tflite_postprocessing.PostProcessing = (
    tflite_postprocessing.DEFAULT
  ),
  images: Optional[Images] = None,
) -> str:
  """Exports an SSD for TFLite.

  The stock exporter cuts the detector and ends it in TFLite's own detection op;
  TensorFlow's converter makes the model of it. What has to be done to the
  pixels first is written beside it, and of a model without that op what it
  takes to decode its boxes.

  A model that was trained with quantisation (`graph_rewriter` in its config)
  becomes one that computes in 8 bits, from uint8 pixels on. So does any other
  where there are images to measure the ranges of its activations on.

  Args:
    config: pipeline config that the model was trained with.
    checkpoint: prefix of its checkpoint.
    output_dir: folder for the model and its `.json`.
    quantize: stores weights in 8 bits; one trained with quantisation has them
      in any case.
    postprocessing: what the model ends in.
    images: with `quantize`: gives photos like those that the model will see,
      uint8 [height, width, 3] each; called after all checks. None: activations
      stay floats.

  Returns:
    The path of the model.

  Raises:
    InputError: the model is no SSD of a fixed image size, the checkpoint is not
      of it, or a setting cannot be.
  """
  ssd = _check(config)
  stack_checks.check(config)
  if images is not None:
    _check_calibration(config, quantize)
  postprocessing.check(ssd)
  paths.folder_to_write('output_dir', output_dir)
  stripped = exporter.strip(config, checkpoint)
  scaling = _scaling(exporter.exported_config(config))
  numbers = _numbers(config, scaling, quantize, images)
  model, description = _converted(
    config, checkpoint, stripped, postprocessing, numbers
  )
  path = os.path.join(output_dir, file_names(config, quantize)[0])
  description['resize_method'] = _resize_method(config.model.ssd)
  _write(path, model, dict(scaling._asdict(), **description))
  return path


def _converted(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  checkpoint: str,
  stripped: stripping.StrippedCheckpoint,
  postprocessing: tflite_postprocessing.PostProcessing,
  numbers: tflite_numbers.Numbers,
) -> Tuple[bytes, Dict[str, Any]]:
  """Gives the content of the model, and what is to be known of its outputs."""
  ssd = config.model.ssd
  exported = exporter.exported_config(config)
  with tempfile.TemporaryDirectory() as scratch:
    prefix = os.path.join(scratch, _CHECKPOINT)
    checkpoints.write(prefix, stripped.tensors)
    built = _build(
      exported, prefix, scratch, postprocessing.stock_arguments(ssd)
    )
    exporter.check_none_lost(stripped, built, checkpoint)
    graph = os.path.join(scratch, 'tflite_graph.pb')
    model = tflite_conversion.convert(
      graph, _input_shape(ssd), postprocessing.add_op, numbers
    )
    if postprocessing.add_op:
      description = {'max_detections': postprocessing.limit(ssd)}
    else:
      description = _decoding(ssd, graph)
  return model, description


def _numbers(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  scaling: tflite_numbers.PixelScaling,
  quantize: bool,
  images: Optional[Images],
) -> tflite_numbers.Numbers:
  """Gives what the model is to compute in."""
  if trained_quantized(config):
    return tflite_numbers.trained_ranges(scaling)
  if images is not None:
    _, height, width, _ = _input_shape(config.model.ssd)
    method = _resize_method(config.model.ssd)
    resize = resizing.Resizer(height, width, *scaling, method=method)
    return tflite_numbers.measured_ranges(images(), resize, scaling)
  if quantize:
    return tflite_numbers.EightBitWeights()
  return tflite_numbers.Floats()


def _check_calibration(
  config: pipeline_pb2.TrainEvalPipelineConfig, quantize: bool
) -> None:
  if not quantize:
    raise errors.InputError('images mean nothing without quantize')
  if trained_quantized(config):
    raise errors.InputError(
      'images mean nothing to a model that was trained with quantisation '
      '(graph_rewriter): its ranges are those of the training'
    )
  if stacks.current() == stacks.CLASSIC:
    raise errors.InputError(
      stacks.needs_modern('measuring ranges of activations on images')
    )


def _build(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  checkpoint: str,
  folder: str,
  arguments: Dict[str, Any],
) -> List[str]:
  """Writes the stock exporter's graph; gives the names of its variables."""
  with exporter.building(config), tflite_upsampling.by_resizing():
    stock.export_tflite_graph(config, checkpoint, folder, **arguments)
    return [variable.op.name for variable in tf.global_variables()]


def trained_quantized(config: pipeline_pb2.TrainEvalPipelineConfig) -> bool:
  """Whether a model was trained with the rounding of 8 bits."""
  return config.HasField('graph_rewriter')


def file_names(
  config: pipeline_pb2.TrainEvalPipelineConfig, quantize: bool
) -> List[str]:
  """Names what `export` writes."""
  in_8_bits = quantize or trained_quantized(config)
  name = QUANTIZED_MODEL if in_8_bits else MODEL
  return [name, tflite_detector.sidecar(name)]


def _decoding(ssd, path: str) -> Dict[str, Any]:
  """Gives the anchors of a stock exporter's graph, and how boxes are coded."""
  graph_def = tf.GraphDef()
  with open(path, 'rb') as file:
    graph_def.ParseFromString(file.read())
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(graph_def, name='')
    anchors = session.run('anchors:0')
  coder = ssd.box_coder.faster_rcnn_box_coder
  return {
    'outputs': list(tflite_conversion.RAW_OUTPUTS),
    'box_scales': [
      coder.y_scale,
      coder.x_scale,
      coder.height_scale,
      coder.width_scale,
    ],
    'anchors': anchors.tolist(),
  }


def _write(path: str, model: bytes, description: Dict[str, Any]) -> None:
  """Writes a model and, beside it, what has to be done to its input."""
  beside = tflite_detector.sidecar(path)
  with atomic_files.writing(path, beside) as (partial, partial_beside):
    with open(partial, 'wb') as file:
      file.write(model)
    with open(partial_beside, 'w') as file:
      json.dump(description, file, indent=2)
      file.write('\n')


def _check(config: pipeline_pb2.TrainEvalPipelineConfig):
  kind = config.model.WhichOneof('model')
  if kind != 'ssd':
    raise errors.InputError(
      f'only an ssd can be exported for TFLite, and the config has {kind}'
    )
  resizer = config.model.ssd.image_resizer.WhichOneof('image_resizer_oneof')
  if resizer != 'fixed_shape_resizer':
    raise errors.InputError(
      'only a fixed_shape_resizer can be exported for TFLite, and the config '
      f'has {resizer}'
    )
  if config.model.ssd.image_resizer.fixed_shape_resizer.convert_to_grayscale:
    raise errors.InputError('only color images can be exported for TFLite')
  coder = config.model.ssd.box_coder.WhichOneof('box_coder_oneof')
  if coder != 'faster_rcnn_box_coder':
    raise errors.InputError(
      'only boxes of a faster_rcnn_box_coder can be exported for TFLite, and '
      f'the config has {coder}'
    )
  quantization = config.graph_rewriter.quantization
  for name in ('weight_bits', 'activation_bits'):
    bits = getattr(quantization, name)
    if trained_quantized(config) and bits != 8:
      raise errors.InputError(
        f'graph_rewriter.quantization.{name} must be 8, got {bits}'
      )
  return config.model.ssd


def _input_shape(ssd) -> List[int]:
  resizer = ssd.image_resizer.fixed_shape_resizer
  return [1, resizer.height, resizer.width, 3]


def _resize_method(ssd) -> str:
  """Names how images are scaled; one of `resizing.METHODS`."""
  method = ssd.image_resizer.fixed_shape_resizer.resize_method
  return image_resizer_pb2.ResizeType.Name(method)


def _scaling(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> tflite_numbers.PixelScaling:
  """Scale and offset of each channel, as the feature extractor has them."""
  shape = _input_shape(config.model.ssd)
  with exporter.building(config), tf.Session() as session:
    model = model_builder.build(config.model, is_training=False)
    pixels = tf.placeholder(tf.float32, shape)
    normalized, _ = model.preprocess(pixels)
    black, white = [
      session.run(normalized, {pixels: np.full(shape, value)})[0, 0, 0]
      for value in (0.0, 255.0)
    ]
  return tflite_numbers.PixelScaling(
    ((white - black) / 255.0).tolist(), black.tolist()
  )
