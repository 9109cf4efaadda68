"""Measures wall time and peak memory of an export, in a process of its own.

  python benchmarks/export_cost.py --model_dir MODEL_DIR \
    --output benchmarks/results/export_cost.json
"""

import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile

from absl import flags

from object_detection_pruning.common import command, timing
from object_detection_pruning.export import exporter

flags.DEFINE_string('model_dir', None, 'Folder of a training run.')
flags.DEFINE_integer('runs', 3, 'How often to export.')
flags.DEFINE_string('output', None, 'JSON file to write.')
flags.mark_flag_as_required('model_dir')
FLAGS = flags.FLAGS


def main(_) -> None:
  seconds = []
  with tempfile.TemporaryDirectory() as folder:
    for _ in range(FLAGS.runs):
      seconds.append(timing.once(lambda: _export(folder))[0])
    graph = os.path.join(folder, exporter.FROZEN_GRAPH)
    with open(graph, 'rb') as file:
      content = file.read()
  kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
  results = {
    'seconds': sorted(seconds)[len(seconds) // 2],
    'peak_megabytes': kilobytes * 1024 / 1e6,
    'frozen_graph_megabytes': len(content) / 1e6,
    'gzip_megabytes': len(gzip.compress(content, 6)) / 1e6,
  }
  for name, value in results.items():
    print(f'{name:24}{value:.2f}')
  if FLAGS.output:
    with open(FLAGS.output, 'w') as file:
      json.dump(results, file, indent=2)


def _export(folder: str) -> None:
  subprocess.run(
    [
      sys.executable,
      '-m',
      'object_detection_pruning.export_inference_graph',
      f'--pipeline_config_path={FLAGS.model_dir}/pipeline.config',
      f'--checkpoint={FLAGS.model_dir}',
      f'--output_dir={folder}',
      '--overwrite',
    ],
    check=True,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )


if __name__ == '__main__':
  command.run(main)
