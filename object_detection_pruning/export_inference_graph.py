"""Exports a frozen graph and a SavedModel.

Masks are folded into the weights, so stock tools read all that is written: also
a checkpoint, its config and a report of zeros.

Example:
  odp export_inference_graph --pipeline_config_path=model/pipeline.config \\
    --checkpoint=model --output_dir=exported --sparse_ops
"""

import os
from typing import List, Optional

from absl import flags

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import (
  checkpoints,
  command,
  errors,
  paths,
)
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.export import exporter, optimizing
from object_detection_pruning.sparse_ops import exporting, library

shared_flags.define('pipeline_config_path', required=True)
shared_flags.define('checkpoint', required=True)
shared_flags.define('output_dir', required=True)
shared_flags.define('overwrite', False)
shared_flags.define('config_override', '')
flags.DEFINE_enum(
  'input_type', 'image_tensor', exporter.INPUT_TYPES, 'What the graph is fed.'
)
flags.DEFINE_string(
  'input_shape',
  None,
  'Shape of an image_tensor: four numbers separated by commas, -1 for an open '
  'size. Not set: -1,-1,-1,3.',
)
flags.DEFINE_boolean(
  'write_inference_graph', False, 'Also write inference_graph.pbtxt.'
)
shared_flags.define(
  'sparse_ops',
  False,
  f'Their names: {exporting.SPARSE_GRAPH} and {exporting.SAVED_MODEL}.',
)
flags.DEFINE_boolean(
  'optimize',
  False,
  f'Also write {optimizing.OPTIMIZED_GRAPH}, with constants and batch norm '
  f'folded, and a SavedModel of it ({optimizing.SAVED_MODEL}); time both.',
)
FLAGS = flags.FLAGS


def main(_) -> None:
  checkpoint = checkpoints.resolve(FLAGS.checkpoint)
  paths.refuse_folder_of(checkpoint, FLAGS.output_dir)
  paths.files_to_write(
    '--output_dir',
    FLAGS.output_dir,
    _file_names(),
    FLAGS.overwrite,
    [FLAGS.pipeline_config_path],
  )
  config = pipeline.load(FLAGS.pipeline_config_path, FLAGS.config_override)
  if FLAGS.sparse_ops:
    # A missing compiler shows before the export and not after it.
    library.load()
  report = exporter.export(
    config,
    checkpoint,
    FLAGS.output_dir,
    FLAGS.input_type,
    parse_shape(FLAGS.input_shape),
    FLAGS.write_inference_graph,
  )
  print(report)
  print(f'exported {checkpoint} to {FLAGS.output_dir}')
  plain_graph = os.path.join(FLAGS.output_dir, exporter.FROZEN_GRAPH)
  optimized_graph = os.path.join(FLAGS.output_dir, optimizing.OPTIMIZED_GRAPH)
  if FLAGS.optimize:
    print(optimizing.export(plain_graph, FLAGS.output_dir))
    print(f'wrote {optimized_graph}')
  else:
    paths.warn_of_older(optimized_graph, '--optimize')
  sparse_graph = os.path.join(FLAGS.output_dir, exporting.SPARSE_GRAPH)
  if FLAGS.sparse_ops:
    print(exporting.export(plain_graph, sparse_graph, overwrite=True))
    print(f'wrote {sparse_graph}')
  else:
    paths.warn_of_older(sparse_graph, '--sparse_ops')


def _file_names() -> List[str]:
  names = list(exporter.FILE_NAMES)
  if FLAGS.write_inference_graph:
    names.append(exporter.INFERENCE_GRAPH)
  if FLAGS.optimize:
    names += [optimizing.OPTIMIZED_GRAPH, optimizing.SAVED_MODEL]
  if FLAGS.sparse_ops:
    names += [exporting.SPARSE_GRAPH, exporting.SAVED_MODEL]
  return names


def parse_shape(text: Optional[str]) -> Optional[List[Optional[int]]]:
  """Parses `1,-1,-1,3` to [1, None, None, 3]."""
  if not text:
    return None
  try:
    sizes = [int(size) for size in text.split(',')]
  except ValueError:
    sizes = []
  if len(sizes) != 4 or any(size < 1 and size != -1 for size in sizes):
    raise errors.InputError(
      '--input_shape must be four comma-separated sizes, -1 for an open one, '
      f'got {text!r}'
    )
  return [None if size == -1 else size for size in sizes]


if __name__ == '__main__':
  command.run(main)
