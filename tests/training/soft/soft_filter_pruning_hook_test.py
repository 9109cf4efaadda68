import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.channels import groups
from object_detection_pruning.common import errors
from object_detection_pruning.core import schedules
from object_detection_pruning.training.soft import soft_filter_pruning_hook

START = np.array([[5.0, 1.0, 4.0, 2.0], [5.0, 1.0, 4.0, 2.0]], np.float32)


def _group():
  """A layer of four filters, of which the last two have the smallest norm."""
  with tf.Graph().as_default() as graph:
    data = tf.placeholder(tf.float32, [1, 2])
    net = slim.fully_connected(data, 4, scope='one', biases_initializer=None)
    net = slim.fully_connected(net, 3, scope='two', biases_initializer=None)
    (found,) = groups.find(graph, [tf.nn.softmax(net)]).prunable
  return found


def _run(
  tmp_path,
  growth,
  steps=6,
  rate=0.5,
  start=START,
  first_step=0,
  first_update=2,
  frequency=2,
):
  """Trains; each step adds `growth` to each filter of its own."""
  step = tf.get_variable(
    'global_step',
    initializer=np.int64(first_step),
    trainable=False,
    collections=[tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.GLOBAL_STEP],
  )
  kernel = tf.get_variable('one/weights', initializer=tf.constant(start))
  grow = kernel.assign_add(np.tile(np.float32(growth), (2, 1)))
  with tf.control_dependencies([grow]):
    train = tf.assign_add(step, 1)
  hook = soft_filter_pruning_hook.SoftFilterPruningHook(
    [_group()],
    schedules.ConstantSchedule(rate, first_update, first_update + 2, frequency),
    [0.5, 0.01],
    str(tmp_path / 'report.json'),
  )
  values = []

  def read(step_context):
    return step_context.session.run(kernel)

  with tf.train.MonitoredTrainingSession(hooks=[hook]) as session:
    for _ in range(steps):
      session.run(train)
      values.append(session.run_step_fn(read)[0])
  return hook, values


def test_weakest_filters_are_set_to_zero_and_may_grow(tmp_path):
  hook, values = _run(tmp_path, [0, 0.1, 0, 0])
  # The filters of norm 1 and 2 are selected at step 2, before the step grows.
  assert values[0].tolist() == pytest.approx([5, 1.1, 4, 2])
  assert values[1].tolist() == pytest.approx([5, 0.1, 4, 0])
  assert values[2].tolist() == pytest.approx([5, 0.2, 4, 0])
  assert values[3].tolist() == pytest.approx([5, 0.1, 4, 0])
  assert hook.selected['one'] == [1, 3]


@pytest.mark.parametrize('frequency', [1, 2])
def test_update_of_step_0_comes_before_the_first_step(tmp_path, frequency):
  hook, values = _run(
    tmp_path, [0, 0.1, 0, 0], 1, first_update=0, frequency=frequency
  )
  assert values[0].tolist() == pytest.approx([5, 0.1, 4, 0])
  assert hook.selected['one'] == [1, 3]


def test_report_tells_who_came_back_at_each_threshold(tmp_path):
  hook, _ = _run(tmp_path, [0, 0.2, 0, 0])
  (report,) = hook.report
  # Three steps after the last update filter 1 has grown to 0.6 of a mean 4.5.
  assert report.selected == [1, 3]
  assert report.thresholds == [0.01, 0.5]
  assert report.came_back == [1, 0]
  assert report.failure_rates == [0.5, 0]
  assert '1 stayed and 1 came back (50%) at 0.01' in str(report)
  with open(str(tmp_path / 'report.json')) as file:
    state = json.load(file)
  assert state['reports'][0]['came_back'] == [1, 0]
  assert (state['update_step'], state['selected']) == (4, {'one': [1, 3]})


def test_filters_that_had_no_time_to_grow_do_not_count(tmp_path):
  # The update of step 4 looks at those of step 2, and the run ends right after.
  hook, values = _run(tmp_path, [0, 0.2, 0, 0], steps=4)
  assert values[-1].tolist() == pytest.approx([5, 0.2, 4, 0])
  (report,) = hook.report
  assert (report.step, report.came_back) == (4, [1, 0])


def test_run_that_is_taken_up_again_knows_what_was_selected(tmp_path):
  _run(tmp_path, [0, 0.2, 0, 0], steps=2)
  grown = np.tile(np.float32([5, 0.4, 4, 0]), (2, 1))
  # From step 3 on, with what a checkpoint of it would have.
  with tf.Graph().as_default():
    hook, values = _run(tmp_path, [0, 0.2, 0, 0], 1, start=grown, first_step=3)
  assert values[0].tolist() == pytest.approx([5, 0.2, 4, 0])
  assert hook.report[0].came_back == [1, 0]


def test_file_that_is_no_report_is_an_error(tmp_path):
  (tmp_path / 'report.json').write_text('[1]')
  with pytest.raises(errors.InputError, match='is no report of soft pruning'):
    _run(tmp_path, [0, 0, 0, 0])


def test_one_filter_stays(tmp_path):
  hook, values = _run(tmp_path, [0, 0, 0, 0], rate=0.95)
  assert values[-1].tolist() == [5, 0, 0, 0]
  assert hook.selected['one'] == [1, 2, 3]


def test_refuses_what_cannot_go():
  fixed = _group()._replace(reason='it is the output out')
  with pytest.raises(errors.InputError, match='one cannot go: it is the out'):
    soft_filter_pruning_hook.SoftFilterPruningHook(
      [fixed], schedules.ConstantSchedule(0.5, 2, 4, 2)
    )
