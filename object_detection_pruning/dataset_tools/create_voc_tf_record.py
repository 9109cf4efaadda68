"""Converts one set of a PASCAL VOC folder to a TFRecord file.

Broken records (boxes without area or outside the image, missing or unreadable
images and annotations, unknown classes) are told on stderr and left out.
"""

from typing import List

from absl import flags

from object_detection_pruning.common import command
from object_detection_pruning.dataset_tools import conversion, voc

flags.DEFINE_string(
  'data_dir',
  None,
  'VOC folder: it holds Annotations, JPEGImages and mostly ImageSets/Main.',
)
flags.DEFINE_enum(
  'set',
  'train',
  voc.SETS,
  'List of ImageSets/Main to convert; without that folder, all images.',
)
flags.DEFINE_string('output_path', None, 'TFRecord file to write.')
flags.DEFINE_string(
  'label_map_path',
  None,
  'Label map. By default all annotated classes, sorted, are written to '
  'label_map.pbtxt beside the record file.',
)
flags.DEFINE_boolean(
  'ignore_difficult_instances', False, 'Leave out difficult objects.'
)
flags.DEFINE_boolean('strict', False, 'Fail if any record is broken.')
flags.mark_flags_as_required(['data_dir', 'output_path'])
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Converts the set and prints where it is."""
  del argv
  converted = conversion.voc_to_record(
    FLAGS.data_dir,
    FLAGS.set,
    FLAGS.output_path,
    label_map_path=FLAGS.label_map_path,
    strict=FLAGS.strict,
    ignore_difficult=FLAGS.ignore_difficult_instances,
  )
  print(f'{converted.num_images} images in {FLAGS.output_path}')
  print(f'label map: {converted.label_map}')


if __name__ == '__main__':
  command.run(main)
