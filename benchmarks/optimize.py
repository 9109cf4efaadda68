"""Compares an optimized graph with the plain one: outputs and time.

  python benchmarks/optimize.py --graph exported/frozen_inference_graph.pb \
    --images FOLDER --output benchmarks/results/optimize.json
"""

import json
import os
from typing import Dict, List

import numpy as np
from absl import flags

from object_detection_pruning.common import command
from object_detection_pruning.export import optimizing
from object_detection_pruning.graphs import sample_feeds
from object_detection_pruning.inference import image_files
from object_detection_pruning.sparse_ops import (
  graph_comparison,
  loading,
  prediction_differences,
)

flags.DEFINE_string('graph', None, 'Frozen graph with an image_tensor.')
flags.DEFINE_string('images', None, 'Folder of images.')
flags.DEFINE_integer('count', 20, 'How many images to compare outputs on.')
flags.DEFINE_float('seconds', 30.0, 'How long to measure, per thread count.')
flags.DEFINE_string('output', None, 'JSON file to write.')
flags.mark_flags_as_required(['graph', 'images'])
FLAGS = flags.FLAGS


def main(_) -> None:
  plain = loading.read_graph_def(FLAGS.graph)
  optimized = optimizing.optimize(plain)
  paths = image_files.find([FLAGS.images])[: FLAGS.count]
  worst = _differences(plain, optimized, paths)
  differences = [max(image.values()) for image in worst]
  results = {
    'nodes': [len(plain.node), len(optimized.node)],
    'median_difference': float(np.median(differences)),
    'largest_difference': max(differences),
    'differences': differences,
    'predictions': {
      name: max(image[name] for image in worst) for name in worst[0]
    },
  }
  feeds = sample_feeds.make(plain, image_files.read(paths[0]))
  for threads in (1, os.cpu_count()):
    measured = graph_comparison.compare(
      plain, optimized, feeds, FLAGS.seconds, threads
    )
    results[f'ms_{threads}_threads'] = [
      measured.plain_ms,
      measured.rewritten_ms,
    ]
  for name, value in results.items():
    print(f'{name:20}{value}')
  if FLAGS.output:
    with open(FLAGS.output, 'w') as file:
      json.dump(results, file, indent=2)


def _differences(plain, optimized, paths) -> List[Dict[str, float]]:
  """Scaled differences of the predictions before suppression, by image."""
  comparer = prediction_differences.Comparer(plain, optimized)
  return [
    comparer.scaled_differences(
      sample_feeds.make(plain, image_files.read(path))
    )
    for path in paths
  ]


if __name__ == '__main__':
  command.run(main)
