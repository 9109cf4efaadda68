"""Times mask updates and masked steps of Faster R-CNN Inception V2.

Three comparisons, each side by side in one process:
- one due mask update, this project's against tf.contrib.model_pruning's, on
  the same variables;
- a masked training step against the stock model's;
- mean step time inside the pruning window (an update every 10 steps) against
  outside.

  python benchmarks/mask_update.py --output benchmarks/results/mask_update.json
"""

import itertools
import json
import os
import tempfile
import time
from typing import Callable, List

import numpy as np
import tensorflow as tf
from absl import flags
from object_detection import inputs, model_hparams
from object_detection import model_lib as stock_model_lib
from object_detection.builders import model_builder
from object_detection.utils import config_util

from object_detection_pruning import command, pipeline
from object_detection_pruning.core import masking, progress, pruner
from object_detection_pruning.dataset_tools import detection_data

_CONFIG = os.path.join(
  os.path.dirname(os.path.abspath(__file__)),
  'configs/faster_rcnn_masked_inception_v2_small.config',
)
_FREQUENCY = 10

flags.DEFINE_float('sparsity', 0.85, 'Sparsity of the updates.')
flags.DEFINE_integer('rounds', 12, 'How often each thing is timed.')
flags.DEFINE_boolean('steps', True, 'Also times training steps.')
flags.DEFINE_integer('image_size', 240, 'Side of the images in pixels.')
flags.DEFINE_string('output', None, 'JSON file to write.')
FLAGS = flags.FLAGS


class TrainingGraph:
  """A training graph with a session of its own."""

  def __init__(self, config, masked: bool):
    self.graph = tf.Graph()
    if not masked:
      config = pipeline.as_stock(config)
    with self.graph.as_default():
      self._train_op = _build(config)
      self.kernels = masking.masked_kernels()
      if masked:
        self.pruner = pruner.Pruner(self.kernels)
        self.contrib_update = _contrib_update()
      self.session = tf.Session()
      self.session.run([tf.global_variables_initializer()])
      self.session.run(
        [tf.tables_initializer(), tf.local_variables_initializer()]
      )

  def step(self) -> None:
    """Runs one training step."""
    self.session.run(self._train_op)


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
  contrib = tf.contrib.model_pruning
  spec = contrib.get_pruning_hparams()
  spec.threshold_decay = 0.0
  return contrib.Pruning(
    spec, sparsity=tf.constant(FLAGS.sparsity)
  ).mask_update_op()


def _seconds(action: Callable[[], object]) -> float:
  started = time.perf_counter()
  action()
  return time.perf_counter() - started


def _time_in_turn(
  actions: List[Callable[[], object]], what: str, rounds: int
) -> np.ndarray:
  """Gives seconds [rounds, actions]."""
  for action in actions:
    action()
  return np.array(
    [
      [_seconds(action) for action in actions]
      for _ in progress.over(range(rounds), what)
    ]
  )


def measure(config) -> dict:
  """Gives every figure, in seconds unless it says otherwise."""
  masked = TrainingGraph(config, masked=True)
  results = {
    'tensorflow': tf.VERSION,
    'masked_kernels': len(masked.kernels),
    'masked_weights': sum(kernel.size for kernel in masked.kernels),
  }
  results.update(_measure_updates(masked))
  if FLAGS.steps:
    results.update(_measure_steps(masked, TrainingGraph(config, masked=False)))
  return results


def _zeros(masked: TrainingGraph) -> List[int]:
  return masked.pruner.zeros_for([FLAGS.sparsity] * len(masked.kernels))


def _measure_updates(masked: TrainingGraph) -> dict:
  zeros = _zeros(masked)

  def ours() -> None:
    masked.pruner.update(masked.session, zeros)

  def contrib() -> None:
    masked.session.run(masked.contrib_update)

  def sparsity() -> float:
    measured = masked.pruner.measure(masked.session)
    return masked.pruner.overall_sparsity(measured)

  updates = _time_in_turn([ours, contrib], 'mask update', FLAGS.rounds)
  update, contrib_update = np.median(updates, axis=0)
  contrib_sparsity = sparsity()
  ours()
  return {
    'mask_update': update,
    'contrib_mask_update': contrib_update,
    'contrib_over_ours': float(np.median(updates[:, 1] / updates[:, 0])),
    'sparsity': sparsity(),
    'contrib_sparsity': contrib_sparsity,
  }


def _measure_steps(masked: TrainingGraph, stock: TrainingGraph) -> dict:
  zeros = _zeros(masked)
  steps_in_window = itertools.count()

  def in_window() -> None:
    if next(steps_in_window) % _FREQUENCY == 0:
      masked.pruner.update(masked.session, zeros)
    masked.step()

  # Single steps in turns, so that whatever else the machine does falls on all
  # three alike; then sums over as many as lie between two updates.
  steps = _time_in_turn(
    [stock.step, masked.step, in_window],
    'training steps',
    FLAGS.rounds * _FREQUENCY,
  )
  steps = steps.reshape(FLAGS.rounds, _FREQUENCY, -1).sum(axis=1)
  step, masked_step, window_step = np.median(steps, axis=0) / _FREQUENCY
  return {
    'stock_step': step,
    'masked_step': masked_step,
    'masked_over_stock': float(np.median(steps[:, 1] / steps[:, 0])),
    'step_in_window': window_step,
    'in_window_over_outside': float(np.median(steps[:, 2] / steps[:, 1])),
  }


def main(_) -> None:
  with tempfile.TemporaryDirectory() as folder:
    data = detection_data.generate_shapes(folder, 40, 4, FLAGS.image_size)
    config = pipeline.load(_CONFIG)
    config.model.faster_rcnn.num_classes = data.num_classes
    config.train_config.batch_size = 1
    config.train_input_reader.label_map_path = data.label_map
    config.train_input_reader.tf_record_input_reader.input_path[:] = [
      data.train_record
    ]
    results = measure(config)
  for name, value in results.items():
    print(f'{name:24}{value}')
  if FLAGS.output:
    with open(FLAGS.output, 'w') as file:
      json.dump(results, file, indent=2)


if __name__ == '__main__':
  command.run(main)
