"""Lists weights, zeros and MACs of a model by layer.

Example:
  odp inspect_model --model=exported/frozen_inference_graph.pb
"""

import tensorflow.compat.v1 as tf
from absl import flags

from object_detection_pruning.common import command
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.graphs import sample_feeds
from object_detection_pruning.inspection import model_file_cost

_FORMATS = ('table', 'json')

shared_flags.define(
  'model',
  required=True,
  note='Here also a checkpoint: its prefix, or a folder whose latest one is '
  'taken.',
)
shared_flags.define(
  'pipeline_config_path',
  note='That of a checkpoint; without it its MACs are not known.',
)
shared_flags.define('image', note='MACs are counted for its size.')
flags.DEFINE_enum('format', 'table', _FORMATS, 'How to print it.')
FLAGS = flags.FLAGS


def main(_) -> None:
  # TensorFlow tells of every layer that it builds or restores.
  tf.logging.set_verbosity(tf.logging.ERROR)
  image = sample_feeds.read_image(FLAGS.image)
  cost = model_file_cost.measure(FLAGS.model, image, FLAGS.pipeline_config_path)
  print(cost.as_json() if FLAGS.format == 'json' else cost.as_table())


if __name__ == '__main__':
  command.run(main)
