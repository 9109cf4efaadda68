"""The SavedModel of a training is whole, whatever a killed run has left."""

import os
import shutil

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints
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
