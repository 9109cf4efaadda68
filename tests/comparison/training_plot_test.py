"""Tests of the training plot."""

import os

import pytest
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


def test_steps_that_a_killed_run_did_again_are_those_of_the_later_process(
  tmp_path,
):
  _write_events(tmp_path, {1: 4.0, 3: 2.5, 5: 9.0, 7: 9.0}, '.1')
  _write_events(tmp_path, {4: 2.0, 6: 1.0}, '.2')
  # A process that was killed at once has written nothing.
  _write_events(tmp_path, {}, '.3')
  assert training_plot.read_scalars(str(tmp_path)) == {
    'loss': [(1, 4.0), (3, 2.5), (4, 2.0), (6, 1.0)]
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
  training_plot.plot(
    [training_plot.Run('dense', str(tmp_path), '#123456')], target
  )
  with open(target, 'rb') as file:
    assert file.read(8) == b'\x89PNG\r\n\x1a\n'


def test_a_run_has_its_colour_and_begins_where_its_start_ended(
  tmp_path, monkeypatch
):
  figures = []
  close = training_plot.pyplot.close
  monkeypatch.setattr(training_plot.pyplot, 'close', figures.append)
  for name in ('dense', 'pruned'):
    _write_events(tmp_path / name, {1: 4.0, 20: 3.0}, '.1')
  training_plot.plot(
    [
      training_plot.Run('dense', str(tmp_path / 'dense'), '#111111'),
      training_plot.Run('pruned', str(tmp_path / 'pruned'), '#222222', 20),
    ],
    str(tmp_path / 'training.png'),
  )
  (figure,) = figures
  lines = figure.axes[0].get_lines()
  assert [line.get_color() for line in lines] == ['#111111'] * 2 + [
    '#222222'
  ] * 2
  assert lines[-1].get_xdata().tolist() == [21, 40]
  close(figure)


def test_smoothing_averages_with_as_many_before_as_after():
  points = [(1, 6.0), (5, 0.0), (9, 3.0), (13, 1.0)]
  assert training_plot.smoothed(points) == [
    (1, 6.0),
    (5, 3.0),
    (9, pytest.approx(4 / 3)),
    (13, 1.0),
  ]
