"""Times points of an analysis against a stock evaluation of each from scratch.

    python benchmarks/sensitivity/speed.py --pipeline_config_path CONFIG \
      --checkpoint CHECKPOINT --output RESULT.json

The plain way writes the pruned checkpoint, builds the stock estimator and
evaluates. Both ways measure the same points on the same images.
"""

import functools
import json
import os
import statistics
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf
from absl import app, flags
from object_detection import model_hparams, model_lib

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import pruning
from object_detection_pruning.common import checkpoints, timing
from object_detection_pruning.evaluation import eval_inputs, evaluator
from object_detection_pruning.sensitivity import prunables

flags.DEFINE_string('pipeline_config_path', None, 'Of a plain detector.')
flags.DEFINE_string('checkpoint', None, 'Prefix or folder.')
flags.DEFINE_integer('num_examples', 20, 'Images to evaluate on.')
flags.DEFINE_list(
  'layers',
  ['0.1', '0.4', '0.6'],
  'How deep they lie in the network, in [0, 1).',
)
flags.DEFINE_list('ratios', ['0.2', '0.5', '0.8'], 'Ratios of each layer.')
flags.DEFINE_string('output', None, 'JSON file to write.')
FLAGS = flags.FLAGS
_STOCK = {'mAP': 'mAP', 'AP50': 'mAP@.50IOU', 'AP75': 'mAP@.75IOU'}


def plain(config_path, tensors, number, folder):
  """Evaluates a checkpoint from scratch, as the stock command does."""
  tf.keras.backend.clear_session()
  checkpoints.write(os.path.join(folder, 'model.ckpt-1'), tensors)
  tf.train.update_checkpoint_state(folder, 'model.ckpt-1')
  made = model_lib.create_estimator_and_inputs(
    tf.estimator.RunConfig(model_dir=folder),
    model_hparams.create_hparams(None),
    config_path,
    train_steps=1,
    sample_1_of_n_eval_examples=1,
  )
  metrics = made['estimator'].evaluate(made['eval_input_fns'][0], number)
  return {
    ours: float(metrics['DetectionBoxes_Precision/' + stock])
    for ours, stock in _STOCK.items()
  }


def _rounded(metrics):
  # The stock evaluation hands its figures through float32.
  return {name: float(np.float32(value)) for name, value in metrics.items()}


def _measure(points, evaluate):
  """Gives the seconds and the metrics of each point."""
  return zip(
    *(timing.once(functools.partial(evaluate, *point)) for point in points)
  )


def _summary(start_up, our_seconds, their_seconds, ours, theirs):
  return {
    'start_up_seconds': start_up,
    'mean_seconds': statistics.mean(our_seconds),
    'plain_mean_seconds': statistics.mean(their_seconds),
    'faster_by': sum(their_seconds) / sum(our_seconds),
    'faster_by_with_start_up': sum(their_seconds)
    / (sum(our_seconds) + start_up),
    'points_whose_metrics_differ': sum(
      _rounded(a) != b for a, b in zip(ours, theirs)
    ),
  }


def main(_):
  tf.logging.set_verbosity(tf.logging.ERROR)
  config = pipeline.load(FLAGS.pipeline_config_path)
  tensors = checkpoints.read(checkpoints.resolve(FLAGS.checkpoint))
  network = pruning.analyze(config)
  found = prunables.filters(network, tensors, 'l1')
  layers = [found[int(float(depth) * len(found))] for depth in FLAGS.layers]
  points = [(t, float(r)) for t in layers for r in FLAGS.ratios]

  def start():
    reader = eval_inputs.reader(config)
    images = eval_inputs.load(
      config, reader, eval_inputs.serialized(reader, FLAGS.num_examples)
    )
    model = evaluator.Evaluator(config, tensors, images)
    model.evaluate()
    return model, images

  def evaluate(target, ratio):
    return model.evaluate(target.variables, target.changes(ratio))

  def evaluate_plainly(target, ratio):
    pruned = dict(tensors, **target.changes(ratio))
    return plain(FLAGS.pipeline_config_path, pruned, len(images), folder)

  start_up, (model, images) = timing.once(start)
  our_seconds, ours = _measure(points, evaluate)
  model.close()
  with tempfile.TemporaryDirectory() as folder:
    their_seconds, theirs = _measure(points, evaluate_plainly)
  measured = [
    {
      'layer': target.name,
      'ratio': ratio,
      'seconds': our_seconds[n],
      'plain_seconds': their_seconds[n],
      'metrics': ours[n],
      'plain_metrics': theirs[n],
    }
    for n, (target, ratio) in enumerate(points)
  ]
  result = {'images': len(images), 'points': measured}
  result.update(_summary(start_up, our_seconds, their_seconds, ours, theirs))
  with open(FLAGS.output, 'w') as file:
    json.dump(result, file, indent=1)
    file.write('\n')
  print(json.dumps({k: v for k, v in result.items() if k != 'points'}))


if __name__ == '__main__':
  app.run(main)
