"""Writes what pruned models and their control are retrained from.

    python benchmarks/sensitivity/retraining_start.py \
      CONFIG CHECKPOINT STEPS OUTPUT_DIR

OUTPUT_DIR gets a dense model: the checkpoint with its masks folded in, and the
config without masks, its learning rate halved and fitted to the steps, as the
quickstart retrains.
"""

import os
import sys

from object_detection_pruning import input_checks, learning_rates, pipeline
from object_detection_pruning.core import checkpoints, errors
from object_detection_pruning.export import stripping

_CHECKPOINT = 'model.ckpt'
_RATE = 0.5


def write(config_path: str, checkpoint: str, steps: int, folder: str) -> None:
  """Writes `model.ckpt` and, last, `pipeline.config` into a folder."""
  config = pipeline.as_dense(pipeline.load(config_path))
  train = config.train_config
  input_checks.check_train_config(train)
  tensors = checkpoints.read(checkpoints.resolve(checkpoint))
  prefix = os.path.join(folder, _CHECKPOINT)
  checkpoints.write(prefix, stripping.strip(tensors).tensors)
  train.num_steps = steps
  train.fine_tune_checkpoint = prefix
  train.fine_tune_checkpoint_type = 'detection'
  train.load_all_detection_checkpoint_vars = True
  learning_rates.fit(train.optimizer, steps, _RATE)
  pipeline.save(config, folder)


if __name__ == '__main__':
  try:
    write(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
  except errors.InputError as error:
    sys.exit(f'error: {error}')
