"""Converts a COCO annotations file, with masks if wanted, to a TFRecord file.

Broken records (boxes without area or outside the image, missing or unreadable
images, unknown categories, malformed masks) are told on stderr and left out.
"""

from typing import List

from absl import flags

from object_detection_pruning.common import command
from object_detection_pruning.dataset_tools import conversion

flags.DEFINE_string(
  'image_dir', None, 'Folder that the file names of the images start from.'
)
flags.DEFINE_string(
  'annotations_file', None, 'COCO annotations, an instances_*.json file.'
)
flags.DEFINE_string('output_path', None, 'TFRecord file to write.')
flags.DEFINE_boolean('include_masks', False, 'Write instance masks.')
flags.DEFINE_string(
  'label_map_path',
  None,
  'Label map. By default all categories with their ids are written to '
  'label_map.pbtxt beside the record file.',
)
flags.DEFINE_boolean('strict', False, 'Fail if any record is broken.')
flags.mark_flags_as_required(['image_dir', 'annotations_file', 'output_path'])
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Converts the file and prints where it is."""
  del argv
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
