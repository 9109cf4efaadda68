"""Runs an exported detector on images; writes pictures and a JSON file.

Takes a frozen graph, a sparse graph or a SavedModel, of any of the exporter's
three input types, or a .tflite file:

  python -m object_detection_pruning.detect \\
    --graph exported/frozen_inference_graph.pb \\
    --label_map_path label_map.pbtxt \\
    --images 'photos,more/*.jpg' --output_dir detected
"""

from typing import List

from absl import flags

from object_detection_pruning.common import command
from object_detection_pruning.dataset_tools import label_maps
from object_detection_pruning.inference import batch, image_files, loaders

flags.DEFINE_string(
  'graph',
  None,
  'Frozen graph, sparse graph, folder of a SavedModel or .tflite file.',
)
flags.DEFINE_list(
  'images', None, 'Image files, folders and patterns, separated by commas.'
)
flags.DEFINE_string(
  'output_dir', None, 'Folder for the pictures and detections.json.'
)
flags.DEFINE_string(
  'label_map_path',
  None,
  'Label map that names the classes; without one they are called "class 1" '
  'and so on.',
)
flags.DEFINE_float('min_score', 0.5, 'Leaves out detections that score less.')
flags.DEFINE_integer(
  'max_detections', None, 'Keeps only so many of the surest in an image.'
)
flags.mark_flags_as_required(['graph', 'images', 'output_dir'])
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Checks the flags, detects, and prints what came of it."""
  del argv
  paths = image_files.find(FLAGS.images)
  batch.check(paths, FLAGS.output_dir, FLAGS.min_score, FLAGS.max_detections)
  class_names = {}
  if FLAGS.label_map_path:
    # A display name stands behind the name of its class, so it prevails.
    ids = label_maps.read(FLAGS.label_map_path)
    class_names = {class_id: name for name, class_id in ids.items()}
  summary = batch.run(
    loaders.load_detector(FLAGS.graph),
    paths,
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
