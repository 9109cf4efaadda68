"""Exports an SSD as a TFLite model.

Weights are floats, or stored in 8 bits with --quantize. With --images as well
the model computes in 8 bits; so does one that was trained with quantisation,
by graph_rewriter in its config.

Example:
  odp export_tflite --pipeline_config_path=model/pipeline.config \\
    --checkpoint=model --output_dir=exported --quantize --images=photos
"""

import gzip
from typing import List

import numpy as np
from absl import flags

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import (
  checkpoints,
  checks,
  command,
  errors,
  paths,
)
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.export import tflite, tflite_postprocessing
from object_detection_pruning.reconstruction import photo_size, photos

shared_flags.define('pipeline_config_path', required=True)
shared_flags.define('checkpoint', required=True)
shared_flags.define('output_dir', required=True)
shared_flags.define('overwrite', False)
shared_flags.define('config_override', '')
flags.DEFINE_boolean(
  'quantize',
  False,
  f'Store weights in 8 bits, as {tflite.QUANTIZED_MODEL}; not set: floats, as '
  f'{tflite.MODEL}.',
)
shared_flags.define(
  'images',
  note='With --quantize: what activations reach on these photos becomes their '
  'range, and the model computes in 8 bits. With subfolders, and TFRecord '
  'files too; labels are not read.',
)
shared_flags.define('num_images', 128)
shared_flags.define('max_detections', note='Not set: as the config has it.')
flags.DEFINE_boolean(
  'use_regular_nms',
  True,
  'Suppress boxes class by class, as the frozen graph does; else all at once, '
  'which is faster where there are many classes.',
)
flags.DEFINE_integer(
  'detections_per_class',
  None,
  'Boxes looked at in each class; not set: as the config has it. Only with '
  '--use_regular_nms.',
)
flags.DEFINE_integer(
  'max_classes_per_detection',
  1,
  'Classes given for a box. More than 1 only with --nouse_regular_nms.',
)
flags.DEFINE_boolean(
  'add_postprocessing_op',
  True,
  "End in TFLite's detection op; else in encoded boxes and scores of all "
  'anchors, which are then in the .json beside the model.',
)
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Exports, and prints how large the model is."""
  del argv
  checks.count('--num_images', FLAGS.num_images)
  if FLAGS.images is not None and not FLAGS.quantize:
    raise errors.InputError('--images goes with --quantize')
  config = pipeline.load(FLAGS.pipeline_config_path, FLAGS.config_override)
  names = tflite.file_names(config, FLAGS.quantize)
  paths.files_to_write('--output_dir', FLAGS.output_dir, names, FLAGS.overwrite)

  def read_images() -> List[np.ndarray]:
    size = photo_size.of_config(config)
    return photos.read(FLAGS.images, FLAGS.num_images, size).images

  path = tflite.export(
    config,
    checkpoints.resolve(FLAGS.checkpoint),
    FLAGS.output_dir,
    FLAGS.quantize,
    tflite_postprocessing.PostProcessing(
      FLAGS.add_postprocessing_op,
      FLAGS.max_detections,
      FLAGS.use_regular_nms,
      FLAGS.detections_per_class,
      FLAGS.max_classes_per_detection,
    ),
    read_images if FLAGS.images is not None else None,
  )
  with open(path, 'rb') as file:
    model = file.read()
  print(
    f'wrote {path} ({len(model) / 1e6:.2f} MB, gzip '
    f'{len(gzip.compress(model, 6)) / 1e6:.2f} MB)'
  )


if __name__ == '__main__':
  command.run(main)
