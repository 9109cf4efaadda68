"""Times a detector at a share of its MACs beside its dense parent.

Time depends on shapes and not on values, so weights are random. Both models run
by turns in one process, on one thread, up to the detections, without the
features that Faster R-CNN exports beside them. What runs up to the raw
predictions, without non-maximum suppression, is timed as well.

  python benchmarks/channels/speed.py --pipeline_config_path ssd.config \\
    --target_macs 0.5
"""

import json
import statistics
import time

import numpy as np
import tensorflow as tf
from absl import flags

from object_detection_pruning import command, pipeline
from object_detection_pruning.channels import graph as inference
from object_detection_pruning.channels import pruning, selection, surgery

flags.DEFINE_string('pipeline_config_path', None, 'Path to pipeline config.')
flags.DEFINE_float('target_macs', 0.5, 'Share of the MACs that is left.')
flags.DEFINE_string(
  'ratios', None, 'JSON file of ratios, in place of the same for each group.'
)
flags.DEFINE_integer('round_to', 16, 'Channels are kept in multiples of this.')
flags.DEFINE_integer('rounds', 15, 'Runs of each model.')
flags.DEFINE_string('output', None, 'JSON file for the result.')
flags.mark_flags_as_required(['pipeline_config_path'])
FLAGS = flags.FLAGS


def main(_) -> None:
  config = pipeline.load(FLAGS.pipeline_config_path)
  start = time.perf_counter()
  network = pruning.analyze(config)
  search_seconds = time.perf_counter() - start
  random = np.random.RandomState(0)
  tensors = {
    name: random.normal(0, 0.02, shape).astype(np.float32)
    for name, shape in network.shapes.items()
  }
  plan = pruning.make_plan(
    network,
    tensors,
    pruning.Request(
      ratios_path=FLAGS.ratios,
      target=None if FLAGS.ratios else 'macs',
      fraction=FLAGS.target_macs,
      bounds=selection.Bounds(FLAGS.round_to),
    ),
  )
  start = time.perf_counter()
  narrow = surgery.narrow_config(config, plan)
  surgery.check_rebuilds(
    narrow, surgery.narrow(tensors, plan), network.op_counts
  )
  surgery_seconds = time.perf_counter() - start
  is_ssd = config.model.WhichOneof('model') == 'ssd'
  dense, small = (inference.build(each) for each in (config, narrow))
  dense_ms, narrow_ms = _times([dense, small])
  before, after = plan.dense_cost(), plan.cost()
  result = {
    'macs_left': after.macs / before.macs,
    'params_left': after.params / before.params,
    'dense_ms': dense_ms,
    'narrow_ms': narrow_ms,
    'speedup': dense_ms / narrow_ms,
    **(_before_suppression(dense, small) if is_ssd else {}),
    'search_seconds': search_seconds,
    'surgery_seconds': surgery_seconds,
  }
  text = json.dumps(result, indent=1)
  print(text)
  if FLAGS.output:
    with open(FLAGS.output, 'w') as file:
      file.write(text + '\n')


def _before_suppression(dense, small) -> dict:
  """Times single-stage detectors up to their raw predictions."""
  dense_ms, narrow_ms = _times(
    [each._replace(outputs=each.predictions) for each in (dense, small)]
  )
  return {
    'dense_predictions_ms': dense_ms,
    'narrow_predictions_ms': narrow_ms,
    'speedup_of_predictions': dense_ms / narrow_ms,
  }


def _times(graphs) -> list:
  """Gives the median milliseconds of each detector, run by turns."""
  runs = [_runner(built) for built in graphs]
  for run in runs * 2:
    run()
  times = [[] for _ in runs]
  for _ in range(FLAGS.rounds):
    for number, run in enumerate(runs):
      start = time.perf_counter()
      run()
      times[number].append(time.perf_counter() - start)
  return [statistics.median(each) * 1e3 for each in times]


def _runner(built):
  threads = tf.ConfigProto(
    intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
  )
  with built.graph.as_default():
    initializer = tf.global_variables_initializer()
  session = tf.Session(graph=built.graph, config=threads)
  session.run(initializer)
  # As an export does, so that constants are folded.
  frozen = tf.graph_util.convert_variables_to_constants(
    session,
    built.graph.as_graph_def(),
    [tensor.op.name for tensor in built.outputs],
  )
  names = [tensor.name for tensor in built.outputs]
  image = np.random.RandomState(0).uniform(0, 255, built.image.shape.as_list())
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(frozen, name='')
  session = tf.Session(graph=graph, config=threads)
  return lambda: session.run(names, {built.image.name: image})


if __name__ == '__main__':
  command.run(main)
