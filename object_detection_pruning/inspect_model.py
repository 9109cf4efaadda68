"""Prints what a model costs: weights, zeros and MACs, layer by layer."""

import tensorflow.compat.v1 as tf
from absl import flags

from object_detection_pruning.common import command, errors
from object_detection_pruning.graphs import sample_feeds
from object_detection_pruning.inspection import model_file_cost

_FORMATS = ('table', 'json')

flags.DEFINE_string(
  'model',
  None,
  'Frozen graph, sparse graph, folder of a SavedModel, .tflite file, prefix of '
  'a checkpoint, or folder whose latest checkpoint is taken.',
)
flags.DEFINE_string(
  'pipeline_config_path',
  None,
  'Config of a checkpoint; without it its MACs are not known.',
)
flags.DEFINE_string(
  'image', None, 'Image to count MACs for [one of 480x640, made up].'
)
flags.DEFINE_string('format', 'table', f'One of {", ".join(_FORMATS)}.')
flags.mark_flag_as_required('model')
FLAGS = flags.FLAGS


def main(_) -> None:
  if FLAGS.format not in _FORMATS:
    raise errors.InputError(
      f'--format must be one of {", ".join(_FORMATS)}, got {FLAGS.format!r}'
    )
  # TensorFlow tells of every layer that it builds or restores.
  tf.logging.set_verbosity(tf.logging.ERROR)
  image = sample_feeds.read_image(FLAGS.image)
  cost = model_file_cost.measure(FLAGS.model, image, FLAGS.pipeline_config_path)
  print(cost.as_json() if FLAGS.format == 'json' else cost.as_table())


if __name__ == '__main__':
  command.run(main)
