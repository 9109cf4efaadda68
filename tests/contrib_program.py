"""Trains a stock detector with the layers and the hook of contrib's pruning.

    python -m contrib_program PIPELINE_CONFIG MODEL_DIR LAST_STEP

This is what a program does that knows `tf.contrib.model_pruning` and nothing
else: every slim convolution is a masked one, and `Pruning` updates the masks
after each step. MODEL_DIR may hold a checkpoint to go on from, of contrib's own
training or of another one.
"""

import json
import sys
from unittest import mock

import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from object_detection import inputs, model_hparams
from object_detection import model_lib as stock_model_lib
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2
from object_detection.utils import config_util
from tensorflow.contrib import model_pruning
from tensorflow.contrib.layers.python.layers import layers

SETTINGS = (
  'begin_pruning_step=2,end_pruning_step=10,pruning_frequency=2,'
  'target_sparsity=0.75,sparsity_function_begin_step=2,'
  'sparsity_function_end_step=10,threshold_decay=0.0'
)


def masked_layers():
  """Lets slim's convolutions be contrib's masked ones, as long as it lasts."""

  def convolution(*args, conv_dims=2, **kwargs):
    assert conv_dims == 2
    return model_pruning.masked_convolution(*args, **kwargs)

  return mock.patch.object(layers, 'convolution', convolution)


def build(config):
  """Adds a training to the graph; returns its train op."""
  configs = config_util.create_configs_from_pipeline_proto(config)
  dataset = inputs.create_train_input_fn(
    configs['train_config'], configs['train_input_config'], config.model
  )()
  iterator = dataset.make_initializable_iterator()
  tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)

  def detection_model_fn(is_training, add_summaries):
    return model_builder.build(config.model, is_training, add_summaries)

  model_fn = stock_model_lib.create_model_fn(
    detection_model_fn, configs, model_hparams.create_hparams()
  )
  with masked_layers():
    features, labels = iterator.get_next()
    return model_fn(features, labels, tf.estimator.ModeKeys.TRAIN).train_op


def restorer(folder):
  """Gives what initialises the graph by a checkpoint, as far as it goes."""
  prefix = tf.train.latest_checkpoint(folder)
  if not prefix:
    return None
  there = dict(tf.train.list_variables(prefix))
  saver = tf.train.Saver(
    [each for each in tf.global_variables() if each.op.name in there]
  )
  return lambda _, session: saver.restore(session, prefix)


def train(config, folder, last_step):
  """Trains to a step; returns the sparsity of each mask at the start."""
  step = tf.train.create_global_step()
  train_op = build(config)
  settings = model_pruning.get_pruning_hparams().parse(SETTINGS)
  pruning = model_pruning.Pruning(settings, global_step=step)
  update = pruning.conditional_mask_update_op()
  # Contrib lists a mask of a shared layer for each of its uses.
  measured = {
    mask.op.name: tf.nn.zero_fraction(mask)
    for mask in model_pruning.get_masks()
  }
  creator = tf.train.ChiefSessionCreator(
    tf.train.Scaffold(init_fn=restorer(folder))
  )
  saving = tf.train.CheckpointSaverHook(folder, save_steps=last_step)
  with tf.train.MonitoredSession(creator, [saving]) as session:
    start = session.run(measured)
    while session.run(step) < last_step:
      session.run(train_op)
      session.run(update)
  return start


def main():
  path, folder, last_step = sys.argv[1:]
  with open(path) as file:
    # The message of this library is none that contrib's programs know.
    text = file.read().split('[object_detection_pruning')[0]
  config = text_format.Parse(text, pipeline_pb2.TrainEvalPipelineConfig())
  print(json.dumps(train(config, folder, int(last_step)), default=float))


if __name__ == '__main__':
  main()
