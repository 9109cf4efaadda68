"""Folds the masks of a graph into its weights.

For a graph that has masks already: one that the stock exporter wrote, or one
trained with tf.contrib.model_pruning.

Example:
  odp strip_pruning_vars --model=masked/frozen_inference_graph.pb \\
    --output_dir=stripped
"""

import os
from typing import List

from absl import flags

from object_detection_pruning.common import command, errors
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.export import stripped_files
from object_detection_pruning.graphs import graph_files

shared_flags.define('model', note='Here also .pbtxt, and a meta graph (.meta).')
shared_flags.define(
  'checkpoint',
  note='The graph is taken from beside it. With --model: only the variables.',
)
flags.DEFINE_list(
  'output_node_names',
  [],
  'Nodes to keep, with all that they need, separated by commas. Not set: all '
  'outputs of a frozen graph, or of the signatures of a SavedModel.',
)
shared_flags.define('output_dir', required=True)
flags.DEFINE_string(
  'filename', 'stripped.pb', 'Name of the frozen graph in --output_dir.'
)
shared_flags.define('overwrite', False)
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Strips, writes, and prints how sparse the kernels are."""
  del argv
  if not FLAGS.model and not FLAGS.checkpoint:
    raise errors.InputError('one of --model and --checkpoint is needed')
  stripped_files.check_paths(
    FLAGS.model or FLAGS.checkpoint,
    FLAGS.output_dir,
    FLAGS.filename,
    FLAGS.overwrite,
  )
  if FLAGS.model:
    source = graph_files.read(FLAGS.model, FLAGS.checkpoint)
  else:
    source = graph_files.from_checkpoint(FLAGS.checkpoint)
  stripped = stripped_files.strip(source, FLAGS.output_node_names)
  written = stripped_files.write(
    stripped, source, FLAGS.output_dir, FLAGS.filename
  )
  for kernel in stripped.kernels:
    print(f'{kernel.name}: {kernel.zeros / kernel.size:.4f} zeros')
  print(
    f'folded {len(stripped.kernels)} masks, {stripped.sparsity:.4f} of their '
    'kernels zero'
  )
  for path in written:
    size = f' ({os.path.getsize(path) / 1e6:.1f} MB)'
    print(f'wrote {path}' + (size if os.path.isfile(path) else ''))


if __name__ == '__main__':
  command.run(main)
