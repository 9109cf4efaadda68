"""A trained SSD as a TFLite model, float or with 8-bit weights."""

import contextlib
import json
import os
import sys
import tempfile
from typing import Any, Dict, Iterator, List, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection import export_tflite_ssd_graph_lib as stock
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2

from object_detection_pruning.common import (
  atomic_files,
  checkpoints,
  errors,
  paths,
)
from object_detection_pruning.export import exporter
from object_detection_pruning.inference import tflite_detector

MODEL = 'model.tflite'
QUANTIZED_MODEL = 'model_8bit.tflite'
_INPUT = 'normalized_input_image_tensor'
_DETECTIONS = 'TFLite_Detection_PostProcess'
_CHECKPOINT = 'model.ckpt'


def export(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  checkpoint: str,
  output_dir: str,
  quantize: bool = False,
  max_detections: Optional[int] = None,
  use_regular_nms: bool = True,
) -> str:
  """Exports an SSD for TFLite.

  The stock exporter cuts the detector and ends it in TFLite's own detection op;
  TensorFlow's converter makes the model of it. What has to be done to the
  pixels first is written beside it.

  Args:
    config: pipeline config that the model was trained with.
    checkpoint: prefix of its checkpoint.
    output_dir: folder for the model and its `.json`.
    quantize: stores weights in 8 bits.
    max_detections: in an image; None for what the config says.
    use_regular_nms: suppresses boxes class by class, as the exported graph
      does; else all boxes at once, which is faster where there are many classes
      but keeps one class of each box.

  Returns:
    The path of the model.

  Raises:
    InputError: the model is no SSD of a fixed image size, or the checkpoint is
      not of it.
  """
  ssd = _check(config, max_detections)
  paths.folder_to_write('output_dir', output_dir)
  stripped = exporter.strip(config, checkpoint)
  exported = exporter.exported_config(config)
  nms = ssd.post_processing.batch_non_max_suppression
  limit = max_detections or nms.max_total_detections
  with tempfile.TemporaryDirectory() as scratch:
    prefix = os.path.join(scratch, _CHECKPOINT)
    checkpoints.write(prefix, stripped.tensors)
    built = _build(exported, prefix, scratch, limit, use_regular_nms)
    exporter.check_none_lost(stripped, built, checkpoint)
    model = _convert(
      os.path.join(scratch, 'tflite_graph.pb'), _input_shape(ssd), quantize
    )
  path = os.path.join(output_dir, QUANTIZED_MODEL if quantize else MODEL)
  _write(path, model, dict(_preprocessing(exported), max_detections=limit))
  return path


def _build(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  checkpoint: str,
  folder: str,
  limit: int,
  use_regular_nms: bool,
) -> List[str]:
  """Writes the stock exporter's graph; gives the names of its variables."""
  ssd = config.model.ssd
  nms = ssd.post_processing.batch_non_max_suppression
  per_class = min(limit, nms.max_detections_per_class)
  # Class by class, the op of TensorFlow 1.14 writes beyond its memory once it
  # has more candidates than it may give out; so it may give out all of them.
  slots = per_class * ssd.num_classes if use_regular_nms else limit
  with exporter.building(config):
    stock.export_tflite_graph(
      config,
      checkpoint,
      folder,
      add_postprocessing_op=True,
      max_detections=slots,
      max_classes_per_detection=1,
      detections_per_class=per_class,
      use_regular_nms=use_regular_nms,
    )
    return [variable.op.name for variable in tf.global_variables()]


def file_names(quantize: bool) -> List[str]:
  """Names what `export` writes."""
  name = QUANTIZED_MODEL if quantize else MODEL
  return [name, tflite_detector.sidecar(name)]


def _write(path: str, model: bytes, description: Dict[str, Any]) -> None:
  """Writes a model and, beside it, what has to be done to its input."""
  beside = tflite_detector.sidecar(path)
  with atomic_files.writing(path, beside) as (partial, partial_beside):
    with open(partial, 'wb') as file:
      file.write(model)
    with open(partial_beside, 'w') as file:
      json.dump(description, file, indent=2)
      file.write('\n')


def _check(
  config: pipeline_pb2.TrainEvalPipelineConfig, max_detections: Optional[int]
):
  if max_detections is not None and max_detections < 1:
    raise errors.InputError(
      f'max_detections must be at least 1, got {max_detections}'
    )
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
  return config.model.ssd


def _input_shape(ssd) -> List[int]:
  resizer = ssd.image_resizer.fixed_shape_resizer
  return [1, resizer.height, resizer.width, 3]


def _convert(graph: str, input_shape: List[int], quantize: bool) -> bytes:
  outputs = [_DETECTIONS] + [f'{_DETECTIONS}:{i}' for i in (1, 2, 3)]
  converter = tf.lite.TFLiteConverter.from_frozen_graph(
    graph, [_INPUT], outputs, {_INPUT: input_shape}
  )
  converter.allow_custom_ops = True
  if quantize:
    converter.optimizations = [tf.lite.Optimize.OPTIMIZE_FOR_SIZE]
  with _converter_found():
    return converter.convert()


@contextlib.contextmanager
def _converter_found() -> Iterator[None]:
  """Lets TensorFlow find its converter program in this environment."""
  path = os.environ.get('PATH', '')
  programs = os.path.dirname(sys.executable)
  os.environ['PATH'] = os.pathsep.join([programs, path])
  try:
    yield
  finally:
    os.environ['PATH'] = path


def _preprocessing(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> Dict[str, List[float]]:
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
  return {
    'input_scale': ((white - black) / 255.0).tolist(),
    'input_offset': black.tolist(),
  }
