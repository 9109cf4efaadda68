"""Rewrites a frozen graph so that its zeros make it faster, and measures it.

  python -m object_detection_pruning.export_sparse_graph \\
    --input_graph exported/frozen_inference_graph.pb \\
    --output_graph exported/sparse_inference_graph.pb
"""

from typing import List

from absl import flags

from object_detection_pruning.common import command
from object_detection_pruning.sparse_ops import exporting, rewrite

flags.DEFINE_string('input_graph', None, 'Frozen graph (.pb) of a detector.')
flags.DEFINE_string(
  'output_graph',
  None,
  'Sparse graph to write; its SavedModel goes to sparse_saved_model beside it.',
)
flags.DEFINE_float(
  'min_sparsity',
  rewrite.DEFAULT_MIN_SPARSITY,
  'Kernels with a smaller share of zeros stay dense.',
)
flags.DEFINE_string(
  'image', None, 'Image to measure with; one is made up if not set.'
)
flags.DEFINE_float(
  'measure_seconds', 10.0, 'How long to measure both graphs; 0: not at all.'
)
flags.DEFINE_integer('threads', 1, 'Threads within an op, while measuring.')
flags.mark_flags_as_required(['input_graph', 'output_graph'])
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Exports and prints what became of each layer, sizes and times."""
  del argv
  result = exporting.export(
    FLAGS.input_graph,
    FLAGS.output_graph,
    FLAGS.min_sparsity,
    FLAGS.image,
    FLAGS.measure_seconds,
    FLAGS.threads,
  )
  print(result)
  print(f'wrote {FLAGS.output_graph} and {result.saved_model}')


if __name__ == '__main__':
  command.run(main)
