"""A trained model, exported as the stock, unmasked model that it equals."""

import contextlib
import os
import tempfile
from typing import Iterable, Iterator, List, Optional

import tensorflow.compat.v1 as tf
from object_detection import exporter as stock_exporter
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline, stack_checks
from object_detection_pruning.common import (
  atomic_files,
  checkpoints,
  errors,
  faults,
  finite,
)
from object_detection_pruning.core import moving_averages, widths
from object_detection_pruning.export import sparsity_report, stripping
from object_detection_pruning.graphs import portable
from object_detection_pruning.models import registry

INPUT_TYPES = ('image_tensor', 'encoded_image_string_tensor', 'tf_example')
FROZEN_GRAPH = 'frozen_inference_graph.pb'
REPORT = 'sparsity.json'
INFERENCE_GRAPH = 'inference_graph.pbtxt'
_CHECKPOINT = 'model.ckpt'
_SAVED_MODEL = 'saved_model'
# What every export writes.
FILE_NAMES = (
  FROZEN_GRAPH,
  _SAVED_MODEL,
  _CHECKPOINT + '.index',
  'checkpoint',
  pipeline.FILE_NAME,
  REPORT,
)


def export(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  checkpoint: str,
  output_dir: str,
  input_type: str = 'image_tensor',
  input_shape: Optional[List[Optional[int]]] = None,
  write_inference_graph: bool = False,
) -> sparsity_report.SparsityReport:
  """Exports a frozen graph, a SavedModel, a checkpoint and their config.

  Masks are folded into the weights first, and the stock exporter then builds
  the stock model from them, so nothing of pruning is left in any of the files
  but the zeros.

  Args:
    config: pipeline config that the model was trained with.
    checkpoint: prefix of its checkpoint.
    output_dir: folder for the files; older ones of the same name are replaced
      once the new ones are complete.
    input_type: one of `INPUT_TYPES`.
    input_shape: shape [batch, height, width, 3] of an image tensor, None for a
      size that is open; None for all open.
    write_inference_graph: also writes the graph as `inference_graph.pbtxt`.

  Returns:
    The sparsity of the exported model; also written as `sparsity.json`.

  Raises:
    InputError: the config and the checkpoint do not belong together, or the
      export would lose masks.
  """
  _check(config, input_type, input_shape)
  stack_checks.check(config)
  stripped = strip(config, checkpoint)
  with atomic_files.writing_into(
    output_dir
  ) as folder, tempfile.TemporaryDirectory() as scratch:
    prefix = os.path.join(scratch, _CHECKPOINT)
    checkpoints.write(prefix, stripped.tensors)
    _export_stock(
      exported_config(config),
      prefix,
      folder,
      input_type,
      input_shape,
      write_inference_graph,
    )
    report = _report(os.path.join(folder, _CHECKPOINT), stripped, checkpoint)
    report.write_json(os.path.join(folder, REPORT))
  return report


def _check(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  input_type: str,
  input_shape: Optional[List[Optional[int]]],
) -> None:
  if input_type not in INPUT_TYPES:
    raise errors.InputError(
      f'input_type must be one of {", ".join(INPUT_TYPES)}, got {input_type!r}'
    )
  if input_shape and input_type != 'image_tensor':
    raise errors.InputError(
      f'input_shape goes with input_type image_tensor, got {input_type}'
    )
  if not pipeline.finds_objects(config):
    raise errors.InputError(
      'a detector of one stage (number_of_stages: 1) proposes regions and '
      'finds no objects: only one of two or three stages can be exported'
    )


def strip(
  config: pipeline_pb2.TrainEvalPipelineConfig, checkpoint: str
) -> stripping.StrippedCheckpoint:
  """Reads a checkpoint and folds its masks.

  Args:
    config: pipeline config that the model was trained with.
    checkpoint: prefix of its checkpoint.

  Raises:
    InputError: the config is of a masked model, and there are no masks; or
      there are values that are NaN or infinite.
  """
  tensors = checkpoints.read(checkpoint)
  finite.check(checkpoint, moving_averages.evaluated(config, tensors))
  stripped = stripping.strip(tensors)
  if registry.is_masked(config.model) and not stripped.pruned:
    raise errors.InputError(
      f'feature extractor {registry.feature_extractor_type(config.model)} is '
      f'masked but {checkpoint} has no masks: is it the checkpoint of this '
      'config?'
    )
  return stripped


def _export_stock(
  config, prefix, folder, input_type, input_shape, write_inference_graph
) -> None:
  with building(config), _without_profile(), _saying_what_is_open():
    stock_exporter.export_inference_graph(
      input_type,
      config,
      prefix,
      folder,
      input_shape=input_shape,
      write_inference_graph=write_inference_graph,
    )
  # So that a TensorFlow 1.14 reads what 2.15 has written.
  portable.rewrite_frozen_graph(os.path.join(folder, FROZEN_GRAPH))
  portable.rewrite_saved_model(os.path.join(folder, _SAVED_MODEL))


@contextlib.contextmanager
def building(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> Iterator[None]:
  """A graph of its own in which stock code builds and restores the model.

  Args:
    config: what `exported_config` gave; its layer widths are heeded.

  Raises:
    InputError: the checkpoint that is restored is of another model.
  """
  layer_widths = widths.from_message(pipeline.pruning_message(config))
  with tf.Graph().as_default(), widths.width_scope(layer_widths):
    try:
      yield
    except (tf.errors.NotFoundError, tf.errors.InvalidArgumentError) as error:
      raise errors.InputError(
        'the checkpoint does not fit the pipeline config: '
        + faults.first_line(error)
      )


@contextlib.contextmanager
def _saying_what_is_open() -> Iterator[None]:
  """Says what to do about a network that is built for known shapes only."""
  try:
    yield
  except ValueError as error:
    if 'partially known TensorShape' not in str(error):
      raise
    raise errors.InputError(
      'this network cannot be built for images of open number and size: give '
      '--input_shape of export_inference_graph, such as 1,320,320,3, and its '
      'frozen graph where another command takes a --model'
    )


def exported_config(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """The config of the stock model, which keeps nothing but layer widths."""
  stock = pipeline.as_stock(config)
  layer_widths = widths.from_message(pipeline.pruning_message(config))
  if layer_widths:
    # Without them nobody could build the network of the checkpoint again.
    widths.to_message(layer_widths, pipeline.pruning_message(stock))
  return stock


def check_none_lost(
  stripped: stripping.StrippedCheckpoint,
  variables: Iterable[str],
  checkpoint: str,
) -> None:
  """Raises `InputError` if a kernel that had a mask is not in the model.

  Args:
    stripped: the checkpoint without masks.
    variables: names of the model's variables.
    checkpoint: prefix of the checkpoint, for the message.
  """
  names = set(variables)
  lost = [name for name in stripped.pruned if name not in names]
  if lost:
    raise errors.InputError(
      f'{len(lost)} masked kernels of {checkpoint} are not in the model of the '
      f'pipeline config, {lost[0]} for one: their masks would be lost'
    )


def _report(
  exported: str, stripped: stripping.StrippedCheckpoint, checkpoint: str
) -> sparsity_report.SparsityReport:
  tensors = checkpoints.read(exported)
  check_none_lost(stripped, tensors, checkpoint)
  return sparsity_report.SparsityReport.of(tensors, stripped.pruned)


@contextlib.contextmanager
def _without_profile() -> Iterator[None]:
  """Keeps the stock exporter from printing its parameter and FLOP lists."""
  profile = stock_exporter.profile_inference_graph
  stock_exporter.profile_inference_graph = lambda graph: None
  try:
    yield
  finally:
    stock_exporter.profile_inference_graph = profile
