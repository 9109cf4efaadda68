"""Compares an optimized graph with the plain one: outputs and time.

  python benchmarks/optimize.py --graph exported/frozen_inference_graph.pb \
    --images FOLDER --output benchmarks/results/optimize.json
"""

import json
import os
from typing import List

import numpy as np
import tensorflow as tf
from absl import flags

from object_detection_pruning import command
from object_detection_pruning.export import optimizing
from object_detection_pruning.inference import image_files
from object_detection_pruning.sparse_ops import (
  loading,
  measuring,
  sample_feeds,
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
  differences = _differences(plain, optimized, paths)
  results = {
    'nodes': [len(plain.node), len(optimized.node)],
    'median_difference': float(np.median(differences)),
    'differences': differences,
  }
  feeds = sample_feeds.make(plain, image_files.read(paths[0]))
  for threads in (1, os.cpu_count()):
    measured = measuring.compare(
      plain, optimized, feeds, FLAGS.seconds, threads
    )
    results[f'ms_{threads}_threads'] = [measured.plain_ms, measured.sparse_ms]
  for name, value in results.items():
    print(f'{name:20}{value}')
  if FLAGS.output:
    with open(FLAGS.output, 'w') as file:
      json.dump(results, file, indent=2)


def _differences(plain, optimized, paths) -> List[float]:
  """Largest difference in each image, as a fraction of its output's largest."""
  outputs = measuring.detection_outputs(plain)
  sessions = []
  for graph_def in (plain, optimized):
    with tf.Graph().as_default() as graph:
      tf.import_graph_def(graph_def, name='')
    sessions.append(tf.Session(graph=graph))
  worst = []
  for path in paths:
    feeds = sample_feeds.make(plain, image_files.read(path))
    first, second = [session.run(outputs, feeds) for session in sessions]
    worst.append(
      max(
        float(np.abs(a - b).max()) / max(float(np.abs(a).max()), 1e-9)
        for a, b in zip(first, second)
      )
    )
  return sorted(worst)


if __name__ == '__main__':
  command.run(main)
