"""Converts a COCO annotations file.

Writes a TFRecord file, with instance masks if wanted. Broken records (boxes
without area or outside the image, missing or unreadable images, unknown
categories, malformed masks) are named on stderr and left out.

Example:
  odp create_coco_tf_record --image_dir=coco/val2017 \\
    --annotations_file=coco/annotations/instances_val2017.json \\
    --output_path=data/coco/val.record
"""

from typing import List

from absl import flags

from object_detection_pruning.common import command, paths
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.dataset_tools import conversion

flags.DEFINE_string(
  'image_dir', None, 'Folder that the file names of the images start from.'
)
flags.DEFINE_string(
  'annotations_file', None, 'COCO annotations, an instances_*.json file.'
)
flags.mark_flags_as_required(['image_dir', 'annotations_file'])
shared_flags.define('output_path', required=True)
flags.DEFINE_boolean('include_masks', False, 'Write instance masks.')
shared_flags.define(
  'label_map_path',
  note='Not set: all categories with their ids are written to label_map.pbtxt '
  'beside the record file.',
)
shared_flags.define('strict', False)
shared_flags.define('overwrite', False)
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Converts the file and prints where it is."""
  del argv
  paths.refuse_inputs(
    FLAGS.output_path, FLAGS.annotations_file, FLAGS.label_map_path
  )
  paths.refuse_existing(FLAGS.output_path, overwrite=FLAGS.overwrite)
  converted = conversion.coco_to_record(
    FLAGS.image_dir,
    FLAGS.annotations_file,
    FLAGS.output_path,
    label_map_path=FLAGS.label_map_path,
    include_masks=FLAGS.include_masks,
    strict=FLAGS.strict,
  )
  print(f'{converted.num_images} images in {FLAGS.output_path}')
  print(f'label map: {converted.label_map}')


if __name__ == '__main__':
  command.run(main)
