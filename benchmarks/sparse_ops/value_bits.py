"""Compares sparse graphs whose weights have 32 bits each, and 8.

Both run in turns on the first image, on one thread; then on all images.

  python benchmarks/sparse_ops/value_bits.py --graph=frozen.pb \\
    --eval_record=test.record --label_map_path=label_map.pbtxt
"""

import argparse
import os
import tempfile

from object_detection_pruning.comparison import file_size
from object_detection_pruning.evaluation import accuracy, eval_set
from object_detection_pruning.graphs import sample_feeds
from object_detection_pruning.inference import frozen_graph
from object_detection_pruning.sparse_ops import (
  byte_values,
  exporting,
  graph_comparison,
  loading,
  rewrite,
)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--graph', required=True)
  parser.add_argument('--eval_record', required=True)
  parser.add_argument('--label_map_path', required=True)
  parser.add_argument('--seconds', type=float, default=20, help='of timing')
  arguments = parser.parse_args()
  images = eval_set.load([arguments.eval_record], arguments.label_map_path)
  picture = next(iter(images.read(1))).image
  rows, graphs = [], []
  with tempfile.TemporaryDirectory() as folder:
    for bits in (rewrite.FLOAT_BITS, byte_values.BITS):
      path = os.path.join(folder, f'{bits}.pb')
      exporting.export(arguments.graph, path, seconds=0, value_bits=bits)
      graphs.append(loading.read_graph_def(path))
      size = file_size.measure(path)
      found = accuracy.evaluate(frozen_graph.load(path), images, f'{bits} bits')
      rows.append(
        f'| {bits} bits | {size.raw / 1e6:.2f} | {size.gzipped / 1e6:.2f} '
        f'| {found.ap:.4f} | {found.ap50:.4f} '
        + (f'| {found.mask_ap50:.4f} |' if found.mask_ap50 else '| |')
      )
  feeds = sample_feeds.make(graphs[0], picture)
  times = graph_comparison.compare(*graphs, feeds, arguments.seconds)
  print(
    f'32 bits {times.plain_ms:.2f} ms, 8 bits {times.rewritten_ms:.2f} ms, '
    f'medians of {times.runs} runs'
  )
  print('| weights | MB | gzip MB | AP | AP50 | AP50 of masks |')
  print('| --- | --- | --- | --- | --- | --- |')
  print('\n'.join(rows))


if __name__ == '__main__':
  main()
