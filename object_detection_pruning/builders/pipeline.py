"""Pipeline configs on disk, with the `pruning` message in them."""

import os
import re
from typing import Optional

import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from object_detection.protos import pipeline_pb2

from object_detection_pruning.common import atomic_files, checkpoints, errors
from object_detection_pruning.models import registry
from object_detection_pruning.protos import pruning_pb2

FILE_NAME = 'pipeline.config'
# In the SSD configs of the model zoo, and no longer in the OD API. What it
# asked for there has since been the default.
_RETIRED_FIELD = re.compile(r'batch_norm_trainable\s*:\s*(true|True|t|1)\b')
# What a text proto is cut into here. Within a text or a comment nothing begins.
_TOKEN = re.compile(
  r"""(?x) "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | \#[^\n]*
  | (?P<ours> \[\s*object_detection_pruning\.protos\.pruning\s*\] )
  | (?P<open> [{<] ) | (?P<close> [}>] )"""
)
_TWICE = re.compile(r'should not have multiple "(?P<field>\w+)" fields')


def load(path: str, override: str = '') -> pipeline_pb2.TrainEvalPipelineConfig:
  """Reads a pipeline config.

  Args:
    path: a text proto.
    override: another text proto of the same message, merged into it.

  Raises:
    InputError: there is no such file, it cannot be parsed, or the stock model
      builder cannot make a model of it.
  """
  if not tf.gfile.Exists(path) or tf.gfile.IsDirectory(path):
    raise errors.InputError(f'no pipeline config at {path!r}')
  with tf.gfile.GFile(path, 'rb') as file:
    given = file.read()
  config = pipeline_pb2.TrainEvalPipelineConfig()
  for source, content in (
    (path, given),
    ('config override', override.encode()),
  ):
    try:
      text = content.decode('utf-8')
      config.MergeFrom(_parse(source, text))
      _check_given_once(source, text)
    except (text_format.ParseError, UnicodeDecodeError) as error:
      raise errors.InputError(f'{source} is no pipeline config: {error}')
  registry.check_known(config.model)
  registry.check_builds(config.model)
  start = config.train_config.fine_tune_checkpoint
  if start:
    # The stock code takes a file of a checkpoint for one without variables.
    config.train_config.fine_tune_checkpoint = checkpoints.prefix_of(start)
  return config


def _parse(source: str, text: str) -> pipeline_pb2.TrainEvalPipelineConfig:
  config = pipeline_pb2.TrainEvalPipelineConfig()
  try:
    text_format.Merge(text, config)
  except text_format.ParseError as error:
    rest = _without_retired_field(text, error)
    if rest is None:
      raise
    tf.logging.info(
      '%s, line %d: batch_norm_trainable is left out, since the SSD of this '
      'Object Detection API trains batch norm without it.',
      source,
      error.GetLine(),
    )
    return _parse(source, rest)
  return config


def _without_retired_field(
  text: str, error: text_format.ParseError
) -> Optional[str]:
  """Cuts the retired field out of a config that does not parse for it.

  Args:
    text: the config.
    error: what parsing it gave.

  Returns:
    The config without it; None where the error is about something else.
  """
  if 'SsdFeatureExtractor" has no field' not in str(error):
    return None
  lines = text.split('\n')
  number, column = error.GetLine() - 1, error.GetColumn() - 1
  before = '\n'.join(lines[:number] + [lines[number][:column]])
  match = _RETIRED_FIELD.match(text, len(before))
  return match and before + text[match.end() :]


def _check_given_once(source: str, text: str) -> None:
  """Refuses a field of the `pruning` message that has two values.

  The last one would count and nothing tell of the first, as it is with stock
  fields.

  Args:
    source: what the config is called.
    text: the config, which can be parsed.

  Raises:
    InputError: a field that is not repeated is there twice.
  """
  try:
    text_format.Parse(_content_of_ours(text), pruning_pb2.Pruning())
  except text_format.ParseError as error:
    twice = _TWICE.search(str(error))
    if twice is None:
      raise
    raise errors.InputError(
      f'{source}, line {error.GetLine()}: the pruning message has '
      f'{twice.group("field")} twice, and one of the two would not count'
    )


def _content_of_ours(text: str) -> str:
  """Cuts out what is in the `pruning` messages of a config.

  Lines keep their numbers.
  """
  content = []
  depth, begins, is_next, seen = 0, None, False, 0
  for token in _TOKEN.finditer(text):
    if token.group('ours'):
      is_next = depth == 0
    elif token.group('open'):
      depth += 1
      if is_next and depth == 1:
        begins = token.end()
        content.append('\n' * text.count('\n', seen, begins))
      is_next = False
    elif token.group('close'):
      depth -= 1
      if depth == 0 and begins is not None:
        content.append(text[begins : token.start()] + ' ')
        begins, seen = None, token.start()
  return ''.join(content)


def beside(checkpoint: str) -> str:
  """Finds the pipeline config in the folder of a checkpoint.

  Args:
    checkpoint: its prefix.

  Returns:
    Path of `pipeline.config`, or of the only other file that ends in .config.

  Raises:
    InputError: there is none, or more than one.
  """
  folder = os.path.dirname(checkpoint) or '.'
  found = sorted(tf.gfile.Glob(os.path.join(folder, '*.config')))
  named = [path for path in found if os.path.basename(path) == FILE_NAME]
  candidates = named or found
  if len(candidates) != 1:
    raise errors.InputError(
      f'{len(candidates)} pipeline configs lie beside the checkpoint in '
      f'{folder}, and one is needed to know its model: name it with '
      '--pipeline_config_path'
    )
  return candidates[0]


def pruning_message(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> pruning_pb2.Pruning:
  """Gives the `pruning` message of a config, empty where it has none."""
  return config.Extensions[pruning_pb2.pruning]


def clear_rewinding(message: pruning_pb2.Pruning) -> None:
  """Makes a message take weights from no earlier checkpoint."""
  message.ClearField('rewind_checkpoint')
  message.ClearField('rewind_step')


def without_pruning_message(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Copies a config without its `pruning` message."""
  plain = pipeline_pb2.TrainEvalPipelineConfig()
  plain.CopyFrom(config)
  plain.ClearExtension(pruning_pb2.pruning)
  return plain


def finds_objects(config: pipeline_pb2.TrainEvalPipelineConfig) -> bool:
  """Tells whether a detector classifies what it proposes.

  A Faster R-CNN of one stage proposes regions alone. Stock code trains and
  evaluates it, and cannot export it.
  """
  return not (
    config.model.WhichOneof('model') == 'faster_rcnn'
    and config.model.faster_rcnn.number_of_stages == 1
  )


def predicts_masks(config: pipeline_pb2.TrainEvalPipelineConfig) -> bool:
  """Tells whether a detector has the third stage, that of instance masks."""
  faster_rcnn = config.model.faster_rcnn
  predictor = faster_rcnn.second_stage_box_predictor.mask_rcnn_box_predictor
  return faster_rcnn.number_of_stages == 3 and predictor.predict_instance_masks


def as_stock(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Copies a config so that stock tools can read it and build its model.

  The stock feature extractor takes the masked one's place, and the `pruning`
  message, which stock tools cannot parse, is gone.
  """
  stock = without_pruning_message(config)
  stock.model.CopyFrom(registry.as_stock(config.model))
  return stock


def as_dense(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Copies a config so that it trains the same network without masks.

  Of the `pruning` message the widths of the layers are left, since they say
  what network it is.
  """
  stock = as_stock(config)
  layer_widths = pruning_message(config).layer_width
  if layer_widths:
    pruning_message(stock).layer_width.MergeFrom(layer_widths)
  return stock


def as_evaluated(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Copies a config so that stock tools can evaluate its model on any stack.

  They build the optimizer in evaluation too, though nothing is trained. The
  copy has one without moving averages, which need `tf.contrib`, and at a rate
  of 0 where the config says none. Whether averages are what is evaluated says
  `eval_config`, which stays.
  """
  result = pipeline_pb2.TrainEvalPipelineConfig()
  result.CopyFrom(config)
  optimizer = result.train_config.optimizer
  optimizer.use_moving_average = False
  kind = optimizer.WhichOneof('optimizer') or 'momentum_optimizer'
  rate = getattr(optimizer, kind).learning_rate
  if rate.WhichOneof('learning_rate') is None:
    rate.constant_learning_rate.learning_rate = 0.0
  return result


def save(config: pipeline_pb2.TrainEvalPipelineConfig, folder: str) -> str:
  """Writes a config as `pipeline.config` into a folder, and gives its path."""
  path = os.path.join(folder, FILE_NAME)
  atomic_files.write(path, text_format.MessageToString(config))
  return path
