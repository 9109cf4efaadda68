"""Sets batch-norm statistics of a checkpoint to exact averages over images."""

import os

import tensorflow.compat.v1 as tf
from absl import flags

from object_detection_pruning.batch_norm import recalibration
from object_detection_pruning.builders import input_checks, pipeline
from object_detection_pruning.common import (
  checkpoints,
  checks,
  command,
  errors,
  paths,
)

flags.DEFINE_string('pipeline_config_path', None, 'Path to pipeline config.')
flags.DEFINE_string(
  'checkpoint', None, 'Prefix of the checkpoint, or a folder with checkpoints.'
)
flags.DEFINE_integer(
  'num_batches', 100, 'Number of training batches to average over.'
)
flags.DEFINE_string(
  'output_dir', None, 'Folder to write the new checkpoint to.'
)
flags.mark_flags_as_required(
  ['pipeline_config_path', 'checkpoint', 'output_dir']
)
FLAGS = flags.FLAGS


def main(_) -> None:
  checks.count('--num_batches', FLAGS.num_batches)
  paths.folder_to_write('--output_dir', FLAGS.output_dir)
  config = pipeline.load(FLAGS.pipeline_config_path)
  input_checks.check_train_config(config.train_config)
  input_checks.check_training_data(config)
  checkpoint = checkpoints.resolve(FLAGS.checkpoint)
  output_prefix = os.path.join(FLAGS.output_dir, os.path.basename(checkpoint))
  if os.path.abspath(output_prefix) == os.path.abspath(checkpoint):
    raise errors.InputError(
      f'--output_dir must be another folder than that of {checkpoint}'
    )
  count = recalibration.recalibrate(
    config, checkpoint, FLAGS.num_batches, output_prefix
  )
  pipeline.save(config, FLAGS.output_dir)
  tf.train.update_checkpoint_state(
    FLAGS.output_dir, os.path.basename(output_prefix)
  )
  print(
    f'{count} moving means and variances set from {FLAGS.num_batches} batches: '
    f'{output_prefix}'
  )


if __name__ == '__main__':
  command.run(main)
