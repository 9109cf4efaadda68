"""Draws a small data set of textured shapes.

Writes train.record, val.record and label_map.pbtxt. The same flags give the
same bytes; where they are written already, nothing is done.

Example:
  odp create_shapes_tf_record --output_dir=data/shapes
"""

from typing import List

from absl import flags

from object_detection_pruning.common import command
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.dataset_tools import detection_data, styles

shared_flags.define('output_dir', required=True)
flags.DEFINE_integer('num_train', 240, 'Number of images to train on.')
flags.DEFINE_integer('num_val', 60, 'Number of images to evaluate on.')
flags.DEFINE_integer('image_size', 192, 'Side of the images in pixels.')
shared_flags.define('seed', 0, 'Each gives another data set.')
shared_flags.define('overwrite', False)
flags.DEFINE_enum(
  'style', 'standard', sorted(styles.STYLES), 'How hard the shapes are.'
)
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Draws the data set and prints where it is."""
  del argv
  data = detection_data.generate_shapes(
    FLAGS.output_dir,
    num_train=FLAGS.num_train,
    num_val=FLAGS.num_val,
    image_size=FLAGS.image_size,
    seed=FLAGS.seed,
    overwrite=FLAGS.overwrite,
    style=FLAGS.style,
  )
  print(f'{data.num_train} images in {data.train_record}')
  print(f'{data.num_val} images in {data.val_record}')
  print(f'{data.num_classes} classes in {data.label_map}')


if __name__ == '__main__':
  command.run(main)
