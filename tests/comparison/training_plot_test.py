"""Tests of the training plot."""

import os

import tensorflow.compat.v1 as tf

from object_detection_pruning.comparison import training_plot


def _write_events(folder, losses, suffix):
  writer = tf.summary.FileWriter(str(folder), filename_suffix=suffix)
  for step, loss in losses.items():
    writer.add_summary(
      tf.Summary(value=[tf.Summary.Value(tag='loss', simple_value=loss)]), step
    )
  writer.close()
  return next(
    os.path.join(str(folder), name)
    for name in os.listdir(str(folder))
    if name.endswith(suffix)
  )


def test_restarted_run_counts_the_later_value(tmp_path):
  _write_events(tmp_path, {1: 4.0, 2: 3.0, 3: 2.5}, '.1')
  _write_events(tmp_path, {3: 2.0, 4: 1.0}, '.2')
  assert training_plot.read_scalars(str(tmp_path)) == {
    'loss': [(1, 4.0), (2, 3.0), (3, 2.0), (4, 1.0)]
  }


def test_killed_run_keeps_all_but_its_half_written_record(tmp_path):
  path = _write_events(tmp_path, {1: 4.0, 2: 3.0}, '.killed')
  os.truncate(path, os.path.getsize(path) - 5)
  assert training_plot.read_scalars(str(tmp_path)) == {'loss': [(1, 4.0)]}


def test_loss_of_a_taught_model_is_that_of_the_detector_alone():
  scalars = {
    'loss_1': [(1, 3.0), (6, 2.0)],
    'Loss/distillation/class': [(1, 0.5), (6, 0.25)],
    'Loss/distillation/box': [(1, 1.0), (6, 0.25)],
    'Loss/classification_loss': [(1, 1.0), (6, 1.0)],
  }
  assert training_plot.detector_loss(scalars) == [(1, 1.5), (6, 1.5)]
  del scalars['Loss/distillation/class'], scalars['Loss/distillation/box']
  assert training_plot.detector_loss(scalars) == scalars['loss_1']
  assert training_plot.detector_loss({'other': [(1, 1.0)]}) == []


def test_plot_of_killed_run_is_written(tmp_path):
  path = _write_events(tmp_path, {1: 4.0, 2: 3.0}, '.killed')
  os.truncate(path, os.path.getsize(path) - 5)
  target = str(tmp_path / 'training.png')
  training_plot.plot({'dense': str(tmp_path)}, target)
  with open(target, 'rb') as file:
    assert file.read(8) == b'\x89PNG\r\n\x1a\n'
