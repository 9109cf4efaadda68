"""Writes what pruned models and their control are retrained from.

    python benchmarks/retraining_start.py \
      CONFIG CHECKPOINT STEPS OUTPUT_DIR

OUTPUT_DIR gets a dense model: the checkpoint with its masks folded in, and the
config without masks, its learning rate halved and fitted to the steps, as the
quickstart retrains.
"""

import os
import sys

from object_detection_pruning.builders import input_checks, pipeline
from object_detection_pruning.channels import retraining
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.export import stripping
from object_detection_pruning.training import learning_rates

_CHECKPOINT = 'model.ckpt'
_RATE = 0.5


def write(config_path: str, checkpoint: str, steps: int, folder: str) -> None:
  """Writes `model.ckpt` and, last, `pipeline.config` into a folder."""
  config = pipeline.as_dense(pipeline.load(config_path))
  input_checks.check_train_config(config.train_config)
  tensors = checkpoints.read(checkpoints.resolve(checkpoint))
  prefix = os.path.join(folder, _CHECKPOINT)
  checkpoints.write(prefix, stripping.strip(tensors).tensors)
  config = retraining.from_checkpoint(config, prefix)
  train = config.train_config
  train.num_steps = steps
  learning_rates.fit(train.optimizer, steps, _RATE)
  pipeline.save(config, folder)


if __name__ == '__main__':
  try:
    write(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
  except errors.InputError as error:
    sys.exit(f'error: {error}')
