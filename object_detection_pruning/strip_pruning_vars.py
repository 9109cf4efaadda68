"""Takes masks out of a graph: folds them into the weights and freezes it."""

import os
from typing import List

from absl import flags

from object_detection_pruning.common import command, errors
from object_detection_pruning.export import stripped_files
from object_detection_pruning.graphs import graph_files

flags.DEFINE_string(
  'checkpoint_dir',
  None,
  'Folder whose latest checkpoint is taken, with the graph saved beside it, or '
  'the prefix of a checkpoint. With --input_graph: only the variables.',
)
flags.DEFINE_string(
  'input_graph',
  None,
  'Frozen graph (.pb, .pbtxt), meta graph (.meta), or SavedModel.',
)
flags.DEFINE_list(
  'output_node_names',
  [],
  'Comma-separated nodes to keep, with all that they need. Not set: all '
  'outputs of a frozen graph, or of the signatures of a SavedModel.',
)
flags.DEFINE_string('output_dir', None, 'Folder to write to.')
flags.DEFINE_string(
  'filename', 'stripped.pb', 'Name of the frozen graph in that folder.'
)
flags.mark_flag_as_required('output_dir')
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Strips, writes, and prints how sparse the kernels are."""
  del argv
  if not FLAGS.input_graph and not FLAGS.checkpoint_dir:
    raise errors.InputError(
      'one of --input_graph and --checkpoint_dir is needed'
    )
  stripped_files.check_places(
    FLAGS.input_graph or FLAGS.checkpoint_dir, FLAGS.output_dir, FLAGS.filename
  )
  if FLAGS.input_graph:
    source = graph_files.read(FLAGS.input_graph, FLAGS.checkpoint_dir)
  else:
    source = graph_files.from_checkpoint(FLAGS.checkpoint_dir)
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
