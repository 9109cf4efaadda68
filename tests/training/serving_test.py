"""The SavedModel of a training is whole, whatever a killed run has left."""

import os
import shutil

import numpy as np

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints
from object_detection_pruning.core import kernels, moving_averages
from object_detection_pruning.training import serving


def test_what_a_killed_run_has_left_is_removed_and_never_taken(run, tmp_path):
  model_dir = tmp_path / 'model'
  shutil.copytree(run.model_dir, model_dir)
  folder = model_dir / 'export' / 'Servo'
  (name,) = os.listdir(folder)
  # Newer than the one that is whole, as TensorFlow 1 and 2 name it.
  for left in ("temp-b'1796005786'", 'temp-1796005786'):
    shutil.copytree(folder / name, folder / left)
    os.utime(folder / left / 'saved_model.pb')
  written = serving.export(
    pipeline.load(run.config_path),
    checkpoints.resolve(str(model_dir)),
    str(model_dir),
  )
  assert written == str(folder / name)
  assert os.listdir(folder) == [name]


def test_moving_averages_are_taken_where_the_config_evaluates_them(
  run, tmp_path
):
  config = pipeline.load(run.config_path)
  config.eval_config.use_moving_averages = True
  tensors = checkpoints.read(checkpoints.resolve(str(run.model_dir)))
  name = next(n for n in tensors if n.endswith('Conv2d_1_pointwise/weights'))
  average = np.full_like(tensors[name], 0.125)
  tensors[moving_averages.name_of(name)] = average
  prefix = str(tmp_path / 'model.ckpt-7')
  checkpoints.write(prefix, tensors)
  written = serving.export(config, prefix, str(tmp_path))
  served = checkpoints.read(os.path.join(written, 'variables', 'variables'))
  mask = tensors[kernels.mask_names(name)[0]]
  np.testing.assert_array_equal(served[name], average * mask)
