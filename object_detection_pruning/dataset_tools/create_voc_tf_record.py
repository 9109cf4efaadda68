"""Converts one set of a PASCAL VOC folder.

Writes a TFRecord file. Broken records (boxes without area or outside the image,
missing or unreadable images and annotations, unknown classes) are named on
stderr and left out.

Example:
  odp create_voc_tf_record --data_dir=VOC2012 --set=val \\
    --output_path=data/voc/val.record
"""

from typing import List

from absl import flags

from object_detection_pruning.common import command, paths
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.dataset_tools import conversion, voc

shared_flags.define(
  'data_dir',
  required=True,
  note='It holds Annotations, JPEGImages and mostly ImageSets/Main.',
)
flags.DEFINE_enum(
  'set',
  'train',
  voc.SETS,
  'List of ImageSets/Main to convert; without that folder, all images.',
)
shared_flags.define('output_path', required=True)
shared_flags.define(
  'label_map_path',
  note='Not set: all annotated classes, sorted, are written to label_map.pbtxt '
  'beside the record file.',
)
flags.DEFINE_boolean(
  'ignore_difficult_instances', False, 'Leave out difficult objects.'
)
shared_flags.define('strict', False)
shared_flags.define('overwrite', False)
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Converts the set and prints where it is."""
  del argv
  paths.refuse_inputs(FLAGS.output_path, FLAGS.label_map_path)
  paths.refuse_existing(FLAGS.output_path, overwrite=FLAGS.overwrite)
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
