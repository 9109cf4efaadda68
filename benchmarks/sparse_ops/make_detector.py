"""Makes a frozen detector with random weights, for measuring speed alone.

Time depends on shapes and zeros and not on what the weights are, so a detector
need not be trained for this. Weights are He-scaled and batch norm statistics
near those of normalised activations, so that no value degenerates.

  python benchmarks/sparse_ops/make_detector.py \\
    --pipeline_config_path faster_rcnn.config \\
    --output_graph faster_rcnn.pb

With --checkpoint the weights come from there, and with --cut_before_nms an SSD
is frozen as the stock TFLite export does, up to boxes and scores.
"""

# First: the stock API imports what a modern stack has not.
import object_detection_pruning  # noqa: F401  # isort: skip

import os
import shutil
import tempfile
from typing import List

import numpy as np
import tensorflow.compat.v1 as tf
from absl import flags
from object_detection import export_tflite_ssd_graph_lib, exporter
from object_detection.builders import model_builder

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import command

flags.DEFINE_string('pipeline_config_path', None, 'Path to pipeline config.')
flags.DEFINE_string('output_graph', None, 'The frozen graph to write.')
flags.DEFINE_string('checkpoint', None, 'Weights; random ones if not set.')
flags.DEFINE_boolean('cut_before_nms', False, 'Freeze an SSD without its NMS.')
flags.mark_flags_as_required(['pipeline_config_path', 'output_graph'])
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Freezes one detector."""
  del argv
  config = pipeline.as_stock(pipeline.load(FLAGS.pipeline_config_path))
  with tempfile.TemporaryDirectory() as folder:
    checkpoint = FLAGS.checkpoint
    if not checkpoint:
      checkpoint = os.path.join(folder, 'random')
      write_random_checkpoint(config, checkpoint)
    exported = os.path.join(folder, 'exported')
    tf.reset_default_graph()
    if FLAGS.cut_before_nms:
      export_tflite_ssd_graph_lib.export_tflite_graph(
        config,
        checkpoint,
        exported,
        False,
        max_detections=100,
        max_classes_per_detection=1,
      )
      frozen = os.path.join(exported, 'tflite_graph.pb')
    else:
      exporter.profile_inference_graph = lambda graph: None
      exporter.export_inference_graph(
        'image_tensor', config, checkpoint, exported
      )
      frozen = os.path.join(exported, 'frozen_inference_graph.pb')
    shutil.copy(frozen, FLAGS.output_graph)
  print(f'wrote {FLAGS.output_graph}')


def write_random_checkpoint(config, path: str, seed: int = 0) -> None:
  """Writes every variable of the detector of `config`, made up."""
  random = np.random.RandomState(seed)
  with tf.Graph().as_default():
    model = model_builder.build(config.model, is_training=False)
    exporter.build_detection_graph(
      'image_tensor', model, None, 'inference_op', None
    )
    variables = tf.global_variables()
    with tf.Session() as session:
      for variable in variables:
        variable.load(_made_up(variable, random), session)
      tf.train.Saver(variables).save(session, path, write_meta_graph=False)


def _made_up(variable, random: np.random.RandomState) -> np.ndarray:
  shape = variable.shape.as_list()
  name = variable.op.name.rsplit('/', 1)[-1]
  if variable.dtype.base_dtype != tf.float32:
    return np.zeros(shape, variable.dtype.base_dtype.as_numpy_dtype)
  if name == 'gamma':
    return random.uniform(0.9, 1.1, shape)
  if name == 'moving_variance':
    return random.uniform(0.8, 1.2, shape)
  if len(shape) < 2:
    return random.normal(0, 0.1, shape)
  fan_in = np.prod(shape[:2] if name == 'depthwise_weights' else shape[:-1])
  return random.normal(0, np.sqrt(2.0 / fan_in), shape)


if __name__ == '__main__':
  command.run(main)
