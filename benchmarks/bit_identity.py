"""Compares an exported graph with its masked model, bit by bit, on images.

The masked model is frozen as it trained, masks and all, by the stock exporter.
Both graphs then run on the same images of a record, and every output must have
the same bits. It is an error if nothing is detected, as then nothing is shown.

  python benchmarks/bit_identity.py --model_dir MODEL_DIR \
    --export_dir EXPORT_DIR --record val.record
"""

import os
import tempfile

import tensorflow.compat.v1 as tf
from absl import flags
from object_detection import exporter as stock_exporter

from object_detection_pruning.builders import pipeline, pruning_builder
from object_detection_pruning.common import (
  checkpoints,
  command,
  errors,
  progress,
)
from object_detection_pruning.core import masking
from object_detection_pruning.evaluation import example_decoder
from object_detection_pruning.export import exporter
from object_detection_pruning.inference import loaders

flags.DEFINE_string('model_dir', None, 'Folder of a training run with masks.')
flags.DEFINE_string('export_dir', None, 'Folder that it was exported to.')
flags.DEFINE_string('record', None, 'TFRecord with images to run on.')
flags.DEFINE_integer('num_images', 40, 'How many images to run on.')
flags.mark_flags_as_required(['model_dir', 'export_dir', 'record'])
FLAGS = flags.FLAGS


def freeze_masked(model_dir: str, folder: str) -> int:
  """Freezes the masked model; gives the number of its masks."""
  config = pipeline.load(os.path.join(model_dir, 'pipeline.config'))
  settings = pruning_builder.build(pipeline.pruning_message(config))
  with tf.Graph().as_default(), masking.masking_scope(
    settings.include, settings.exclude, settings.mask_depthwise
  ):
    stock_exporter.export_inference_graph(
      'image_tensor',
      pipeline.without_pruning_message(config),
      checkpoints.resolve(model_dir),
      folder,
    )
    return len(masking.masked_kernels())


def main(_) -> None:
  with tempfile.TemporaryDirectory() as folder:
    masks = freeze_masked(FLAGS.model_dir, folder)
    masked = loaders.load_detector(os.path.join(folder, exporter.FROZEN_GRAPH))
  exported = loaders.load_detector(
    os.path.join(FLAGS.export_dir, exporter.FROZEN_GRAPH)
  )
  images = [
    example.image
    for example in example_decoder.read([FLAGS.record], FLAGS.num_images)
  ]
  outputs = differing = detections = 0
  for image in progress.over(images, 'images'):
    first, second = masked.run(image), exported.run(image)
    outputs += len(first)
    detections += int(first['num_detections'])
    differing += sum(
      first[name].tobytes() != second[name].tobytes() for name in first
    )
  print(
    f'{masks} masks, {len(images)} images, {outputs} outputs with {detections} '
    f'detections compared, {differing} differ'
  )
  if differing or not masks:
    raise errors.InputError('the exported graph is not the masked model')
  if not detections:
    raise errors.InputError(
      f'nothing is detected in the {len(images)} images: lower the '
      'score_threshold of the config, or take another record'
    )


if __name__ == '__main__':
  command.run(main)
