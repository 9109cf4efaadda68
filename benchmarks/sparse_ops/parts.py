"""Prints where the time of a whole detector goes, for some graphs of it.

  python benchmarks/sparse_ops/parts.py --graphs a.pb,b.pb --image a.jpg

Nodes are traced, on one thread, in graphs that run in turns. A trace makes each
node a little slower, so the sums are more than an untraced run takes.
"""

import argparse
import collections

import numpy as np

from object_detection_pruning.graphs import graph_outputs, sample_feeds
from object_detection_pruning.sparse_ops import loading, node_times

# The first one whose names a node starts with.
_PARTS = (
  ('pre-processing', ('Cast', 'image_tensor', 'Preprocessor', 'ToFloat')),
  ('extractor', ('FeatureExtractor', 'FirstStageFeatureExtractor')),
  ('box predictor', ('BoxPredictor', 'FirstStageBoxPredictor', 'WeightShared')),
  ('second stage', ('SecondStageFeature', 'SecondStageBox', 'CropAndResize')),
  ('post-processing', ('Postprocessor', 'SecondStagePost', 'BatchMultiClass')),
)
_REST = 'other small nodes'
_OUTPUTS = ('boxes', 'scores', 'classes', 'masks')


def main():
  arguments = _parse()
  graphs = [
    loading.read_graph_def(path) for path in arguments.graphs.split(',')
  ]
  image = sample_feeds.read_image(arguments.image)[None]
  known = graph_outputs.output_names(graphs[0])
  wanted = ['num_detections:0'] + [f'detection_{n}:0' for n in _OUTPUTS]
  times = node_times.measure(
    graphs,
    {'image_tensor:0': image},
    [name for name in wanted if name in known],
    arguments.rounds,
  )
  print('| part |' + ' ms | nodes |' * len(graphs))
  print('| --- |' + ' --- | --- |' * len(graphs))
  sums = [_sums(each) for each in times]
  for part in [name for name, _ in _PARTS] + [_REST]:
    if any(each[part][1] for each in sums):
      _print_row(part, [each[part] for each in sums])
  _print_row('all', [tuple(np.sum(list(s.values()), axis=0)) for s in sums])
  for seconds, name in sorted(((s, n) for n, s in times[-1].items()))[::-1][
    : arguments.nodes
  ]:
    print(f'{seconds * 1e6:8.0f} us  {name}')


def _parse():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--graphs', required=True, help='paths, with commas')
  parser.add_argument('--image', required=True)
  parser.add_argument('--rounds', type=int, default=30)
  parser.add_argument(
    '--nodes', type=int, default=0, help='of the last graph to list'
  )
  return parser.parse_args()


def _sums(seconds):
  sums = collections.defaultdict(lambda: (0.0, 0))
  for name, took in seconds.items():
    part = _REST
    for candidate, starts in _PARTS[::-1]:
      if name.startswith(starts):
        part = candidate
    total, count = sums[part]
    sums[part] = total + took, count + (took > 0)
  return sums


def _print_row(part, cells):
  texts = [f' {total * 1e3:.2f} | {count:.0f} |' for total, count in cells]
  print(f'| {part} |' + ''.join(texts))


if __name__ == '__main__':
  main()
