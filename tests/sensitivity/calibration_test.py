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


def test_batches_come_from_files_as_often_as_their_weights_say(
  dense, data, tmp_path
):
  config = type(dense.config)()
  config.CopyFrom(dense.config)
  reader = config.train_input_reader
  if 'sample_from_datasets_weights' not in reader.DESCRIPTOR.fields_by_name:
    pytest.skip('input readers of the API of 2019 have no weights')
  for name in ('a-0', 'a-1'):
    shutil.copy(data.train_record, str(tmp_path / name))
  rare = str(tmp_path / 'b-0')
  shutil.copy(data.val_record, rare)
  reader.tf_record_input_reader.input_path[:] = [str(tmp_path / 'a-*'), rare]

  def read(*weights):
    reader.sample_from_datasets_weights[:] = weights
    batches = calibration._read(config, 8)
    # The second tensor has the images; there is nothing random in them.
    return [image.tobytes() for batch in batches for image in batch[1]]

  seldom = set(read(0.0, 1.0))
  assert not seldom & set(read(1.0, 0.0))
  images = read(0.9, 0.1)
  assert 0 < sum(image in seldom for image in images) < len(images) / 2
  assert images == read(0.9, 0.1)
  # Every file counts, the last one too, though the first has images enough.
  ours = calibration.fingerprint(config, 1)
  shutil.copy(data.train_record, rare)
  assert calibration.fingerprint(config, 1) != ours


def test_without_training_images_it_says_so(dense):
  config = type(dense.config)()
  config.CopyFrom(dense.config)
  config.train_input_reader.tf_record_input_reader.input_path[:] = ['/no']
  with pytest.raises(errors.InputError, match="no training input at '/no'"):
    calibration.Calibrator(config, dense.tensors, BATCHES)
