"""Runs an exported detector on images.

Writes a picture for each image, and detections.json. Takes a frozen graph, a
sparse graph or a SavedModel of any of the exporter's three input types, or a
.tflite file.

Example:
  odp detect --model=exported/frozen_inference_graph.pb \\
    --label_map_path=label_map.pbtxt --images='photos,more/*.jpg' \\
    --output_dir=detected
"""

from typing import List

from absl import flags

from object_detection_pruning.common import command, paths
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.dataset_tools import label_maps
from object_detection_pruning.inference import batch, image_files, loaders

shared_flags.define('model', required=True)
shared_flags.define('images', required=True)
shared_flags.define('output_dir', required=True)
shared_flags.define(
  'label_map_path', note='Not set: classes are called "class 1" and so on.'
)
shared_flags.define('overwrite', False)
shared_flags.define('min_score', 0.5)
shared_flags.define(
  'max_detections', note='The best ones are kept; not set: all.'
)
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Checks the flags, detects, and prints what came of it."""
  del argv
  folder, overwrite = FLAGS.output_dir, FLAGS.overwrite
  paths.files_to_write('--output_dir', folder, [batch.REPORT_NAME], overwrite)
  images = image_files.find(FLAGS.images)
  batch.check(images, folder, FLAGS.min_score, FLAGS.max_detections)
  paths.files_to_write(
    '--output_dir', folder, image_files.picture_names(images), overwrite
  )
  class_names = {}
  if FLAGS.label_map_path:
    # A display name stands behind the name of its class, so it prevails.
    ids = label_maps.read(FLAGS.label_map_path)
    class_names = {class_id: name for name, class_id in ids.items()}
  summary = batch.run(
    loaders.load_detector(FLAGS.model),
    images,
    FLAGS.output_dir,
    class_names,
    FLAGS.min_score,
    FLAGS.max_detections,
  )
  print(
    f'{summary.detections} detections in {summary.images} images: '
    f'{summary.report} and the pictures beside it'
  )
  if summary.unreadable:
    print(f'{summary.unreadable} images could not be read')


if __name__ == '__main__':
  command.run(main)
