"""Times detectors at a share of their MACs beside the dense one.

Time depends on shapes and not on values, so weights are random unless there is
a checkpoint. All models run by turns in a process of their own, on one thread,
up to the detections, without the features that Faster R-CNN exports beside
them. Of an SSD what runs up to the raw predictions, without non-maximum
suppression, is timed as well. The search for channel groups and the surgery are
timed too, the latter with the dense checkpoint read and the narrow one written,
with momentum.

  python benchmarks/channels/speed.py --pipeline_config_path ssd.config \\
    --target_macs 0.5 --target_macs 0.7 --ratios early.json

--nospeed leaves the models' own time out.
"""

import functools
import json
import os
import tempfile
from typing import Dict, List, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf
from absl import flags
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import inference_graph, pipeline
from object_detection_pruning.channels import plan as plans
from object_detection_pruning.channels import pruning, selection
from object_detection_pruning.common import (
  checkpoints,
  checks,
  command,
  sessions,
  timing,
)

flags.DEFINE_string('pipeline_config_path', None, 'Path to pipeline config.')
flags.DEFINE_string(
  'config_override', '', 'Text proto merged into the pipeline config.'
)
flags.DEFINE_string('checkpoint', None, 'Of the dense detector [random].')
flags.DEFINE_multi_float(
  'target_macs', [], 'Share of the MACs that is left; repeatable.'
)
flags.DEFINE_multi_string(
  'ratios',
  [],
  'JSON file of ratios, in place of the same for each group; repeatable.',
)
flags.DEFINE_integer('round_to', 16, 'Channels are kept in multiples of this.')
flags.DEFINE_boolean('speed', True, 'Time the models.')
flags.DEFINE_integer('rounds', 100, 'Runs of each model.')
flags.DEFINE_float('seconds', 900, 'Start no round after so long.')
flags.DEFINE_string('output', None, 'JSON file for the result.')
flags.mark_flags_as_required(['pipeline_config_path'])
FLAGS = flags.FLAGS


class Variant(NamedTuple):
  """A narrow detector.

  Attributes:
    title: what it was asked to be.
    plan: what is gone.
    config: of the narrow detector.
    seconds: that surgery took.
  """

  title: str
  plan: plans.Plan
  config: pipeline_pb2.TrainEvalPipelineConfig
  seconds: float


def main(_) -> None:
  checks.count('--rounds', FLAGS.rounds)
  config = pipeline.as_dense(
    pipeline.load(FLAGS.pipeline_config_path, FLAGS.config_override)
  )
  bounds = selection.Bounds(FLAGS.round_to).check()
  requests = {
    f'target_macs {share:g}': pruning.Request(
      measure='macs', share=share, bounds=bounds
    )
    for share in FLAGS.target_macs or ([] if FLAGS.ratios else [0.5])
  }
  for path in FLAGS.ratios:
    requests[os.path.basename(path)] = pruning.Request(
      ratios=selection.read_ratios(path), bounds=bounds
    )
  search_seconds, network = timing.once(lambda: pruning.analyze(config))
  with tempfile.TemporaryDirectory() as folder:
    checkpoint = FLAGS.checkpoint and checkpoints.resolve(FLAGS.checkpoint)
    if not checkpoint:
      checkpoint = os.path.join(folder, 'dense.ckpt')
      checkpoints.write(checkpoint, _random_tensors(network.shapes))
    variants = [
      _prune(network, checkpoint, title, request, folder)
      for title, request in requests.items()
    ]
  dense = variants[0].plan.dense_cost()
  result = {
    'search_seconds': search_seconds,
    'macs': dense.macs,
    'params': dense.params,
    'variants': {
      variant.title: {
        'macs_left': variant.plan.cost().macs / dense.macs,
        'params_left': variant.plan.cost().params / dense.params,
        'surgery_seconds': variant.seconds,
      }
      for variant in variants
    },
  }
  if FLAGS.speed:
    _add_times(result, config, variants)
  text = json.dumps(result, indent=1)
  print(text)
  if FLAGS.output:
    with open(FLAGS.output, 'w') as file:
      file.write(text + '\n')


def _random_tensors(shapes: Dict[str, tuple]) -> Dict[str, np.ndarray]:
  """Makes a checkpoint as training leaves it, with optimizer slots."""
  random = np.random.RandomState(0)
  tensors = {
    name: random.normal(0, 0.02, shape).astype(np.float32)
    for name, shape in shapes.items()
  }
  slots = {
    f'{name}/Momentum': array
    for name, array in tensors.items()
    if '/moving_' not in name
  }
  return dict(tensors, **slots)


def _prune(network, checkpoint, title, request, folder) -> Variant:
  plan = pruning.make_plan(network, checkpoints.read(checkpoint), request)
  output_dir = os.path.join(folder, title)
  seconds, _ = timing.once(
    lambda: pruning.write(
      network, checkpoints.read(checkpoint), plan, output_dir
    )
  )
  narrow = pipeline.load(os.path.join(output_dir, pipeline.FILE_NAME))
  return Variant(title, plan, narrow, seconds)


def _add_times(result, config, variants: List[Variant]) -> None:
  configs = [config] + [variant.config for variant in variants]
  is_ssd = config.model.WhichOneof('model') == 'ssd'
  prefixes = ['', 'predictions_'] if is_ssd else ['']
  timings = timing.measure(
    [
      functools.partial(_runner, each.SerializeToString(), bool(prefix))
      for prefix in prefixes
      for each in configs
    ],
    rounds=FLAGS.rounds,
    seconds=FLAGS.seconds,
  )
  times = [each.seconds * 1e3 for each in timings]
  result['rounds'] = len(times[0])
  for number, prefix in enumerate(prefixes):
    dense, *narrow = times[number * len(configs) :][: len(configs)]
    result[f'{prefix}ms'] = np.median(dense)
    for each, variant in zip(narrow, variants):
      result['variants'][variant.title].update(
        {
          f'{prefix}ms': np.median(each),
          f'{prefix}speedup': np.median(dense) / np.median(each),
          # Of the same round: how far the machine's noise reaches.
          f'{prefix}speedup_quartiles': np.percentile(
            dense / each, [25, 50, 75]
          ).tolist(),
        }
      )


def _runner(serialized: bytes, only_predictions: bool):
  """Gives what runs a detector in the process that measures."""
  built = inference_graph.build(
    pipeline_pb2.TrainEvalPipelineConfig.FromString(serialized)
  )
  outputs = built.predictions if only_predictions else built.outputs
  with built.graph.as_default():
    initializer = tf.global_variables_initializer()
  with sessions.open_session(built.graph) as session:
    session.run(initializer)
    # As an export does, so that constants are folded.
    frozen = tf.graph_util.convert_variables_to_constants(
      session,
      built.graph.as_graph_def(),
      [tensor.op.name for tensor in outputs],
    )
  names = [tensor.name for tensor in outputs]
  image = np.random.RandomState(0).uniform(0, 255, built.image.shape.as_list())
  session = sessions.open_session(frozen)
  return lambda: session.run(names, {built.image.name: image})


if __name__ == '__main__':
  command.run(main)
