"""Detectors that learn from a teacher, built for a training step."""

import detectors
import numpy as np
import tensorflow.compat.v1 as tf
from object_detection import model_hparams
from object_detection.builders import model_builder
from object_detection.utils import config_util

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints
from object_detection_pruning.training import distillation, model_lib

SIZE = detectors.IMAGE_SIZE
BOX = [[0.2, 0.2, 0.7, 0.7]]


def features():
  images = np.random.RandomState(0).uniform(-1, 1, [2, SIZE, SIZE, 3])
  return {
    'image': tf.constant(images, tf.float32),
    'true_image_shape': tf.constant([[SIZE, SIZE, 3]] * 2),
    'hash': tf.zeros([2], tf.int32),
  }


def labels():
  return {
    'num_groundtruth_boxes': tf.constant([1, 1]),
    'groundtruth_boxes': tf.constant([BOX] * 2),
    'groundtruth_classes': tf.one_hot([[1]] * 2, detectors.NUM_CLASSES),
    'groundtruth_weights': tf.ones([2, 1]),
    # For a Mask R-CNN.
    'groundtruth_instance_masks': tf.ones([2, 1, SIZE, SIZE]),
  }


def with_teacher(config, checkpoint, fields=''):
  message = pipeline.pruning_message(config).distillation
  message.teacher = str(checkpoint)
  for field in fields.split():
    name, value = field.split('=')
    setattr(message, name, type(getattr(message, name))(value))
  return config


def random_checkpoint(config, path):
  """Writes a checkpoint with fresh weights that is at home in the config."""
  with tf.Graph().as_default():
    tf.set_random_seed(3)
    model = model_builder.build(
      pipeline.as_stock(config).model, is_training=False
    )
    model.predict(tf.zeros([1, SIZE, SIZE, 3]), tf.constant([[SIZE, SIZE, 3]]))
    with tf.Session() as session:
      session.run(tf.global_variables_initializer())
      tensors = session.run({v.op.name: v for v in tf.global_variables()})
  checkpoints.write(str(path), tensors)
  return str(path)


def training_spec(config, data):
  configs = config_util.create_configs_from_pipeline_proto(config)

  def detection_model_fn(is_training, add_summaries):
    return model_builder.build(config.model, is_training, add_summaries)

  creator = model_lib.model_fn_creator(
    model_lib.pruning_builder.build(pipeline.pruning_message(config)),
    tf.estimator.RunConfig(model_dir='/nowhere'),
    20,
    teacher=distillation.from_config(config),
  )
  tf.train.create_global_step()
  model_fn = creator(
    detection_model_fn, configs, model_hparams.create_hparams()
  )
  return model_fn(features(), labels(), tf.estimator.ModeKeys.TRAIN)
