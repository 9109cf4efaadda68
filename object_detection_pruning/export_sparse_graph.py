"""Rewrites a frozen graph to skip its zeros.

Times both graphs and prints the speed-up.

Example:
  odp export_sparse_graph --model=exported/frozen_inference_graph.pb \\
    --output_path=exported/sparse_inference_graph.pb
"""

from typing import List

from absl import flags

from object_detection_pruning.common import command
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.sparse_ops import exporting, rewrite

shared_flags.define(
  'model', required=True, note='Here only a frozen graph (.pb).'
)
shared_flags.define(
  'output_path',
  required=True,
  note='Its SavedModel is named after it: x_saved_model goes with x.pb.',
)
flags.DEFINE_float(
  'min_sparsity',
  rewrite.DEFAULT_MIN_SPARSITY,
  'Kernels with a smaller share of zeros stay dense.',
)
flags.DEFINE_integer(
  'value_bits',
  rewrite.FLOAT_BITS,
  'Bits of each weight of a sparse layer: 32, or 8 for a smaller file.',
)
shared_flags.define('image')
flags.DEFINE_float(
  'measure_seconds', 10.0, 'How long to time both graphs; 0: not at all.'
)
shared_flags.define('threads', 1)
shared_flags.define('overwrite', False)
FLAGS = flags.FLAGS


def main(argv: List[str]) -> None:
  """Exports and prints what became of each layer, sizes and times."""
  del argv
  result = exporting.export(
    FLAGS.model,
    FLAGS.output_path,
    FLAGS.min_sparsity,
    FLAGS.image,
    FLAGS.measure_seconds,
    FLAGS.threads,
    FLAGS.overwrite,
    FLAGS.value_bits,
  )
  print(result)
  print(f'wrote {FLAGS.output_path} and {result.saved_model}')


if __name__ == '__main__':
  command.run(main)
