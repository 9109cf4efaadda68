"""Adds to results.csv how fast each model is, beside the dense one.

    python benchmarks/accuracy/latency.py --output_dir=RUNS

For each row without a latency whose model is in RUNS (see run.py), the dense
model, the model and its sparse graph run by turns on one thread. The table has
ratios of medians, which a busy machine disturbs less than times. They are those
of the TensorFlow that this runs on.
"""

import functools
import os
import sys
from typing import Dict, Optional

from absl import app, flags

from object_detection_pruning.common import timing
from object_detection_pruning.export import exporter
from object_detection_pruning.graphs import (
  graph_files,
  graph_outputs,
  sample_feeds,
)
from object_detection_pruning.reconstruction import outputs
from object_detection_pruning.sparse_ops import graph_comparison, rewrite

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import results_file  # noqa: E402

flags.DEFINE_string('output_dir', None, 'Folder of all models.')
flags.DEFINE_float('seconds', 20.0, 'For the runs of one model.')
flags.mark_flags_as_required(['output_dir'])
FLAGS = flags.FLAGS


def frozen_graph(detector: str, name: str, seed: int) -> Optional[str]:
  """Finds the frozen graph of a run; None if it is not there."""
  folder = os.path.join(FLAGS.output_dir, detector, f'{name}-seed{seed}')
  for path in (
    os.path.join(folder, outputs.FROZEN_GRAPH),
    os.path.join(folder, 'export', exporter.FROZEN_GRAPH),
  ):
    if os.path.exists(path):
      return path
  return None


def measure(timer: timing.Timer, dense: str, pruned: str) -> Dict[str, float]:
  """Gives the columns of a model.

  Args:
    timer: that measures.
    dense: path of the dense model's frozen graph.
    pruned: path of the model's.
  """
  graphs = [graph_files.read(path).graph_def for path in (dense, pruned)]
  graphs.append(rewrite.rewrite(graphs[1]).graph_def)
  feeds = sample_feeds.make(graphs[0], sample_feeds.read_image(None))
  ends = graph_outputs.detection_outputs(graphs[0])
  plain, model, sparse = (
    each.latency.median
    for each in timer.measure(
      [
        functools.partial(graph_comparison.runner, each, feeds, ends)
        for each in graphs
      ],
      seconds=FLAGS.seconds,
    )
  )
  return {
    'speedup': round(plain / model, 3),
    'sparse_speedup': round(plain / sparse, 3),
  }


def main(_) -> None:
  with timing.Timer(intra_op=1, inter_op=1) as timer:
    for row in results_file.read():
      dense, pruned = (
        frozen_graph(row['detector'], name, int(row['seed']))
        for name in ('dense', row['experiment'])
      )
      if row['sparse_speedup'] or not dense or not pruned:
        continue
      measured = measure(timer, dense, pruned)
      results_file.add(row, measured)
      print(row['detector'], row['experiment'], measured, flush=True)


if __name__ == '__main__':
  app.run(main)
