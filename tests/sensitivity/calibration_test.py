import shutil

import numpy as np
import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.sensitivity import calibration, prunables

LAYER = 'FeatureExtractor/MobilenetV1/Conv2d_3_pointwise'
BATCHES = 2


def _same(ours, theirs):
  return {n for n in ours if np.array_equal(ours[n], theirs[n])}


def test_only_what_follows_the_layer_changes_and_is_set_exactly(dense):
  prunable = {
    prunable.name: prunable
    for prunable in prunables.filters(dense.network, dense.tensors, 'l1')
  }[LAYER]
  changes = prunable.changes(0.5)
  ours = calibration.Calibrator(dense.config, dense.tensors, BATCHES)
  before = ours.statistics()
  pruned = ours.statistics(prunable.variables, changes)
  later = set(ours.depending_on(prunable.variables))
  assert set(before) - _same(before, pruned) == later
  assert LAYER + '/BatchNorm/moving_variance' in later
  earlier = LAYER.replace('_3_', '_2_')
  assert earlier + '/BatchNorm/moving_variance' not in later
  # Another process meets the same batches, and no trace of what was tried.
  again = calibration.Calibrator(
    dense.config, dict(dense.tensors, **changes), BATCHES, threads=1
  )
  assert _same(pruned, again.statistics()) == set(pruned)
  assert _same(before, ours.statistics()) == set(before)


def test_other_batches_have_another_fingerprint(dense, data, tmp_path):
  def fingerprint(record=data.train_record, batches=BATCHES, flips=(), **more):
    config = type(dense.config)()
    config.CopyFrom(dense.config)
    train, reader = config.train_config, config.train_input_reader
    for name, value in more.items():
      setattr(train, name, value)
    for flip in flips:
      getattr(train.data_augmentation_options.add(), flip).SetInParent()
    reader.tf_record_input_reader.input_path[:] = [record]
    return calibration.fingerprint(config, batches)

  ours = fingerprint()
  copied = str(tmp_path / 'copy.record')
  shutil.copyfile(data.train_record, copied)
  assert fingerprint(copied, num_steps=999, fine_tune_checkpoint='a') == ours
  others = {
    fingerprint(data.val_record),
    fingerprint(batches=BATCHES - 1),
    fingerprint(batch_size=1),
    fingerprint(flips=['random_horizontal_flip']),
    fingerprint(flips=['random_vertical_flip']),
  }
  assert len(others | {ours}) == 6


def test_without_training_images_it_says_so(dense):
  config = type(dense.config)()
  config.CopyFrom(dense.config)
  config.train_input_reader.tf_record_input_reader.input_path[:] = ['/no']
  with pytest.raises(errors.InputError, match="no training input at '/no'"):
    calibration.Calibrator(config, dense.tensors, BATCHES)
