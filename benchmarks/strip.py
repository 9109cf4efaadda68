"""Measures wall time and peak memory of stripping, in processes of its own.

  python benchmarks/strip.py --input_graph MASKED_FROZEN_GRAPH \
    --output benchmarks/results/strip.json

The graph is one with masks, as the stock exporter writes it of a masked model;
`--pipeline_config_path` and `--checkpoint` make one first.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile

import tensorflow.compat.v1 as tf
from absl import flags
from object_detection import exporter as stock_exporter

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import command, timing
from object_detection_pruning.core import masking

flags.DEFINE_string('input_graph', None, 'Frozen graph with masks.')
flags.DEFINE_string(
  'pipeline_config_path', None, 'Config of a masked model to export first.'
)
flags.DEFINE_string('checkpoint', None, 'Its checkpoint, a prefix.')
flags.DEFINE_integer('runs', 5, 'How often to strip.')
flags.DEFINE_string('output', None, 'JSON file to write.')
FLAGS = flags.FLAGS


def main(_) -> None:
  with tempfile.TemporaryDirectory() as folder:
    graph = FLAGS.input_graph or _export_masked(folder)
    seconds, kilobytes = [], []
    for _ in range(FLAGS.runs):
      took, peak = timing.once(lambda: _strip(graph, folder))
      seconds.append(took)
      kilobytes.append(peak)
    with open(os.path.join(folder, 'stripped.pb'), 'rb') as file:
      stripped = file.read()
    results = {
      'seconds': sorted(seconds)[len(seconds) // 2],
      'most_seconds': max(seconds),
      'peak_megabytes': max(kilobytes) * 1024 / 1e6,
      'masked_megabytes': os.path.getsize(graph) / 1e6,
      'stripped_megabytes': len(stripped) / 1e6,
      'gzip_megabytes': len(gzip.compress(stripped, 6)) / 1e6,
    }
  for name, value in results.items():
    print(f'{name:24}{value:.2f}')
  if FLAGS.output:
    with open(FLAGS.output, 'w') as file:
      json.dump(results, file, indent=2)


def _strip(graph: str, folder: str) -> int:
  """Strips a graph in a process of its own; gives its peak in kilobytes."""
  process = subprocess.Popen(
    [
      sys.executable,
      '-m',
      'object_detection_pruning.strip_pruning_vars',
      f'--model={graph}',
      f'--output_dir={folder}',
      '--overwrite',
    ],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )
  _, status, usage = os.wait4(process.pid, 0)
  if status:
    raise RuntimeError('stripping failed')
  return usage.ru_maxrss


def _export_masked(folder: str) -> str:
  """Exports a model with its masks; in a child, whose memory goes with it."""
  config = pipeline.load(FLAGS.pipeline_config_path)
  child = os.fork()
  if not child:
    include = pipeline.pruning_message(config).include
    with tf.Graph().as_default(), masking.masking_scope(include):
      stock_exporter.profile_inference_graph = lambda graph: None
      stock_exporter.export_inference_graph(
        'image_tensor',
        pipeline.without_pruning_message(config),
        FLAGS.checkpoint,
        folder,
      )
    os._exit(0)
  if os.waitpid(child, 0)[1]:
    raise RuntimeError('the masked model could not be exported')
  return os.path.join(folder, 'frozen_inference_graph.pb')


if __name__ == '__main__':
  command.run(main)
