"""Trains, prunes, exports and compares in one go.

Without --data_dir it draws its own data set. A run that was stopped goes on
with the same command.

Example:
  odp quickstart --output_dir=quickstart_output
"""

import logging
import os
import shlex
import sys
from typing import Dict, Optional

import tensorflow.compat.v1 as tf
from absl import flags
from google.protobuf import text_format
from object_detection.protos import pipeline_pb2

from object_detection_pruning.common import (
  checkpoints,
  checks,
  command,
  errors,
  hashes,
  memory,
  project_log,
)
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.workflow import main_job, stages

_CONFIGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'configs')
_SHAPES = os.path.join(_CONFIGS, 'ssd_masked_mobilenet_v1_shapes.config')
_COCO = os.path.join(_CONFIGS, 'ssd_masked_mobilenet_v1_coco.config')
_SHAPES_SIZE, _SHAPES_STYLE = 128, 'easy'
_SHAPES_IMAGES, _SHAPES_VAL_IMAGES = 2000, 200

shared_flags.define('output_dir', required=True)
shared_flags.define(
  'data_dir', note='VOC or COCO; not set: generated shapes are drawn.'
)
shared_flags.define(
  'checkpoint',
  note='Training starts from it, with the model of the config beside it.',
)
shared_flags.define(
  'pipeline_config_path', note='Not set: the sample config for the data.'
)
shared_flags.define('sparsity', 0.85)
flags.DEFINE_enum(
  'method',
  stages.RECONSTRUCTION,
  stages.METHODS,
  'How zeros come: fitted to the dense model on unlabelled training images, '
  'before training that keeps them; or by a schedule while training.',
)
flags.DEFINE_integer(
  'dense_steps',
  None,
  'Steps for the dense model; not set: 1000 on shapes, 600 on a data set.',
)
flags.DEFINE_integer(
  'prune_steps',
  None,
  'Steps for each later model; not set: 300 on shapes, 1000 on a data set.',
)
flags.DEFINE_integer(
  'batch_size',
  None,
  'Batch size; not set: that of the config on shapes or with '
  '--pipeline_config_path, else 8.',
)
FLAGS = flags.FLAGS


def main(_) -> None:
  memory.keep()
  settings = _settings()
  checkpoint = FLAGS.checkpoint and checkpoints.resolve(FLAGS.checkpoint)
  base = stages.base_config(
    FLAGS.pipeline_config_path or (_COCO if FLAGS.data_dir else _SHAPES),
    checkpoint,
    bool(FLAGS.pipeline_config_path),
    FLAGS.method,
  )
  if settings['batch_size']:
    base.train_config.batch_size = settings['batch_size']
  run = main_job.QuickstartRun(
    FLAGS.output_dir, settings, _contents(base, checkpoint)
  )
  data_dir = run.folder('data')
  if FLAGS.data_dir:
    include_masks = base.train_input_reader.load_instance_masks
    data = detection_data.prepare(FLAGS.data_dir, data_dir, include_masks)
  else:
    data = detection_data.generate_shapes(
      data_dir,
      _SHAPES_IMAGES,
      _SHAPES_VAL_IMAGES,
      _SHAPES_SIZE,
      style=_SHAPES_STYLE,
    )
  # Not before the data: a wrong --data_dir must not claim the folder.
  run.begin()
  _log_to_file(os.path.join(FLAGS.output_dir, 'quickstart.log'))
  all_stages = stages.stages(
    settings['dense_steps'],
    settings['prune_steps'],
    FLAGS.sparsity,
    FLAGS.method,
  )
  for number, stage in enumerate(all_stages, 1):
    steps = f', {stage.steps} steps' if stage.steps else ''
    _say(f'{number} of {len(all_stages)}: {stage.title}{steps}')
    run.make(stage, base, data, checkpoint)
  _say('comparing the exported models')
  comparison = run.compare(all_stages, data)
  print(f'\n{comparison.table.markdown()}\n')
  for what, path in (
    ('report', 'comparison.html'),
    ('table', 'comparison.md, .csv, .json'),
    ('detections side by side', 'detections.png'),
    ('loss and sparsity', 'training.png'),
    ('pruned model', 'pruned/export/'),
    ('log', 'quickstart.log'),
  ):
    print(f'{what + ":":25}{os.path.join(FLAGS.output_dir, path)}')
  folder = shlex.quote(FLAGS.output_dir)
  print(f'TensorBoard:             tensorboard --logdir {folder}')


def _settings() -> dict:
  checks.sparsity('--sparsity', FLAGS.sparsity)
  if not FLAGS.sparsity:
    raise errors.InputError('--sparsity must be above 0, got 0')
  for name in ('data_dir', 'checkpoint', 'pipeline_config_path'):
    if FLAGS[name].value == '':
      raise errors.InputError(f"--{name} must be a path, got ''")
  on_shapes = FLAGS.data_dir is None
  # Named as in the files of earlier runs, which the same flags go on with.
  settings = {
    name: path and os.path.abspath(path)
    for name, path in (
      ('data', FLAGS.data_dir),
      ('checkpoint', FLAGS.checkpoint),
      ('config', FLAGS.pipeline_config_path),
    )
  }
  settings['sparsity'] = FLAGS.sparsity
  settings['method'] = FLAGS.method
  for name, shapes_value, data_value in (
    ('dense_steps', 1000, 600),
    ('prune_steps', 300, 1000),
  ):
    value = FLAGS[name].value
    if value is None:
      value = shapes_value if on_shapes else data_value
    settings[name] = checks.count(f'--{name}', value)
  batch_size = FLAGS.batch_size
  if batch_size is not None:
    checks.count('--batch_size', batch_size)
  elif FLAGS.data_dir and not FLAGS.pipeline_config_path:
    batch_size = 8
  settings['batch_size'] = batch_size
  return settings


def _contents(
  config: pipeline_pb2.TrainEvalPipelineConfig, checkpoint: Optional[str]
) -> Dict[str, str]:
  """Gives hashes of what the run reads, by what it is."""
  text = text_format.MessageToString(config)
  found = {'config': hashes.of_parts([text.encode()])}
  if checkpoint:
    index = checkpoint + '.index'
    # It has a checksum of each tensor. The old format has one file.
    path = index if tf.gfile.Exists(index) else checkpoint
    with tf.gfile.Open(path, 'rb') as file:
      found['checkpoint'] = hashes.of_parts([file.read()])
  if FLAGS.data_dir:
    found['annotations'] = detection_data.hash_annotations(FLAGS.data_dir)
  return found


def _log_to_file(path: str) -> None:
  """Sends the log to a file; progress and own lines stay on the terminal."""
  logger = tf.get_logger()
  handler = logging.FileHandler(path)
  handler.setFormatter(logging.Formatter('%(levelname)s %(message)s'))
  logger.handlers = [handler] + (
    [logging.StreamHandler()] if FLAGS.verbose else [project_log.OwnLines()]
  )


def _say(text: str) -> None:
  print(text, file=sys.stderr, flush=True)


if __name__ == '__main__':
  command.run(main, goes_on=True)
