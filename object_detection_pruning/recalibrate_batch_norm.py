"""Measures batch-norm statistics of a checkpoint anew.

No weight changes. Each moving mean and variance becomes the exact average over
training batches.

Example:
  odp recalibrate_batch_norm --pipeline_config_path=model/pipeline.config \\
    --checkpoint=model --recalibrate_batch_norm=100 --output_dir=recalibrated
"""

import os

from absl import flags

from object_detection_pruning.batch_norm import recalibration
from object_detection_pruning.builders import input_checks, pipeline
from object_detection_pruning.common import (
  checkpoints,
  checks,
  command,
  paths,
)
from object_detection_pruning.common import flags as shared_flags

shared_flags.define('pipeline_config_path', required=True)
shared_flags.define('checkpoint', required=True)
shared_flags.define('recalibrate_batch_norm', 100)
shared_flags.define(
  'output_dir', required=True, note='It gets the new checkpoint.'
)
shared_flags.define('overwrite', False)
FLAGS = flags.FLAGS


def main(_) -> None:
  batches = checks.count(
    '--recalibrate_batch_norm', FLAGS.recalibrate_batch_norm
  )
  checkpoint = checkpoints.resolve(FLAGS.checkpoint)
  output_prefix = os.path.join(FLAGS.output_dir, os.path.basename(checkpoint))
  paths.refuse_folder_of(checkpoint, FLAGS.output_dir)
  paths.files_to_write(
    '--output_dir',
    FLAGS.output_dir,
    [os.path.basename(checkpoint) + '.index', pipeline.FILE_NAME],
    FLAGS.overwrite,
    [FLAGS.pipeline_config_path],
  )
  config = pipeline.load(FLAGS.pipeline_config_path)
  input_checks.check_train_config(config.train_config)
  input_checks.check_training_data(config)
  count = recalibration.recalibrate(config, checkpoint, batches, output_prefix)
  pipeline.save(config, FLAGS.output_dir)
  checkpoints.name_latest(output_prefix)
  print(
    f'{count} moving means and variances set from {batches} batches: '
    f'{output_prefix}'
  )


if __name__ == '__main__':
  command.run(main)
