"""Times mask updates and masked steps of Faster R-CNN Inception V2.

Three comparisons, each side by side in one process:
- one due mask update, this project's against tf.contrib.model_pruning's, on
  the same variables;
- a masked training step against the stock model's;
- mean step time inside the pruning window (the hook with an update every 10
  steps) against outside, where there is no hook.

  python benchmarks/mask_update.py --output benchmarks/results/mask_update.json
"""

import json
import os
import tempfile
from typing import Sequence

import numpy as np
import tensorflow.compat.v1 as tf
from absl import flags
from object_detection import inputs, model_hparams
from object_detection import model_lib as stock_model_lib
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2
from object_detection.utils import config_util

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import command, timing
from object_detection_pruning.core import masking, pruner, schedules
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.hooks import model_pruning_hook

_CONFIG = os.path.join(
  os.path.dirname(os.path.abspath(__file__)),
  'configs/faster_rcnn_masked_inception_v2_small.config',
)
_FREQUENCY = 10

flags.DEFINE_float('sparsity', 0.85, 'Sparsity of the updates.')
flags.DEFINE_integer('rounds', 12, 'How often each thing is timed.')
flags.DEFINE_integer('image_size', 240, 'Side of the images in pixels.')
flags.DEFINE_string('output', None, 'JSON file to write.')
FLAGS = flags.FLAGS


class Training:
  """A training graph with a session of its own, as an Estimator has one."""

  def __init__(self, config, hooks: Sequence[tf.train.SessionRunHook] = ()):
    with tf.Graph().as_default():
      self._train_op = _build(config)
      self._add_ops()
      self.session = tf.train.MonitoredSession(hooks=hooks)

  def _add_ops(self) -> None:
    pass

  def step(self) -> None:
    """Runs one training step."""
    self.session.run(self._train_op)


class Updates(Training):
  """A masked one with the mask updates of both projects."""

  def _add_ops(self) -> None:
    self.kernels = masking.masked_kernels()
    self._pruner = pruner.Pruner(self.kernels)
    self._contrib_update = _contrib_update()

  def ours(self) -> None:
    """Updates the masks as the hook does."""
    zeros = self._pruner.zeros_for([FLAGS.sparsity] * len(self.kernels))
    self._pruner.update(self.session, zeros)

  def contrib(self) -> None:
    """Updates them as contrib does."""
    self.session.run(self._contrib_update)

  def sparsity(self) -> float:
    """Measures the masks."""
    return self._pruner.overall_sparsity(self._pruner.measure(self.session))


def _build(config) -> tf.Operation:
  configs = config_util.create_configs_from_pipeline_proto(config)

  def detection_model_fn(is_training: bool, add_summaries: bool):
    return model_builder.build(config.model, is_training, add_summaries)

  dataset = inputs.create_train_input_fn(
    configs['train_config'], configs['train_input_config'], config.model
  )()
  iterator = dataset.make_initializable_iterator()
  tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
  model_fn = stock_model_lib.create_model_fn(
    detection_model_fn, configs, model_hparams.create_hparams()
  )
  tf.train.create_global_step()
  features, labels = iterator.get_next()
  return model_fn(features, labels, tf.estimator.ModeKeys.TRAIN).train_op


def _contrib_update() -> tf.Operation:
  from tensorflow.contrib import model_pruning as contrib

  spec = contrib.get_pruning_hparams()
  spec.threshold_decay = 0.0
  return contrib.Pruning(
    spec, sparsity=tf.constant(FLAGS.sparsity)
  ).mask_update_op()


def measure(config) -> dict:
  """Gives every figure, in seconds unless it says otherwise."""
  results = {'tensorflow': tf.VERSION}
  results.update(_measure_updates(config))
  if FLAGS.steps:
    results.update(_measure_steps(config))
  return results


def _measure_updates(config) -> dict:
  updates = Updates(config)
  with updates.session:
    seconds, _ = timing.by_turns(
      [updates.ours, updates.contrib], FLAGS.rounds, title='mask update'
    )
    contrib_sparsity = updates.sparsity()
    updates.ours()
    sparsity = updates.sparsity()
  update, contrib_update = np.median(seconds, axis=0)
  return {
    'masked_kernels': len(updates.kernels),
    'masked_weights': sum(kernel.size for kernel in updates.kernels),
    'mask_update': update,
    'contrib_mask_update': contrib_update,
    'contrib_over_ours': float(np.median(seconds[:, 1] / seconds[:, 0])),
    'sparsity': sparsity,
    'contrib_sparsity': contrib_sparsity,
  }


def _measure_steps(config) -> dict:
  window = schedules.ConstantSchedule(
    FLAGS.sparsity, start_step=0, end_step=10**9, frequency=_FREQUENCY
  )
  hook = model_pruning_hook.ModelPruningHook.from_schedule(window)
  stock = Training(pipeline.as_stock(config))
  outside = Training(config)
  inside = Training(config, [hook])
  with stock.session, outside.session, inside.session:
    # Single steps in turns, so that whatever else the machine does falls on
    # all three alike; then sums over as many as lie between two updates.
    seconds, _ = timing.by_turns(
      [stock.step, outside.step, inside.step],
      FLAGS.rounds * _FREQUENCY,
      title='training steps',
    )
  seconds = seconds.reshape(FLAGS.rounds, _FREQUENCY, -1).sum(axis=1)
  step, masked_step, window_step = np.median(seconds, axis=0) / _FREQUENCY
  return {
    'stock_step': step,
    'masked_step': masked_step,
    'masked_over_stock': float(np.median(seconds[:, 1] / seconds[:, 0])),
    'step_in_window': window_step,
    'in_window_over_outside': float(np.median(seconds[:, 2] / seconds[:, 1])),
  }


def configured(folder: str) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Gives the config, for data that is generated in a folder."""
  data = detection_data.generate_shapes(folder, 40, 4, FLAGS.image_size)
  config = pipeline.load(_CONFIG)
  config.model.faster_rcnn.num_classes = data.num_classes
  config.train_config.batch_size = 1
  config.train_input_reader.label_map_path = data.label_map
  config.train_input_reader.tf_record_input_reader.input_path[:] = [
    data.train_record
  ]
  return config


def main(_) -> None:
  with tempfile.TemporaryDirectory() as folder:
    results = measure(configured(folder))
  for name, value in results.items():
    print(f'{name:24}{value}')
  if FLAGS.output:
    with open(FLAGS.output, 'w') as file:
      json.dump(results, file, indent=2)


if __name__ == '__main__':
  flags.DEFINE_boolean('steps', True, 'Also times training steps.')
  command.run(main)
