"""Trains a dense detector by a recipe, restartable at any point.

    python benchmarks/accuracy/train_detector.py --config CONFIG --data FOLDER \
      --output_dir FOLDER [--eval_every 250] [--test_record test.record]

Trains to each multiple of --eval_every, re-calibrates batch norm over training
batches into OUTPUT_DIR/calibrated, evaluates that on the validation images,
and appends the metrics to OUTPUT_DIR/progress.jsonl. After the last step it
evaluates the test images once and writes OUTPUT_DIR/test.json. Killed, it goes
on with the same command.
"""

import json
import os
import shutil
from typing import Any, Dict

import tensorflow.compat.v1 as tf
from absl import flags
from object_detection.protos import pipeline_pb2

from object_detection_pruning.batch_norm import recalibration
from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints, checks, command, errors
from object_detection_pruning.training import model_lib

flags.DEFINE_string('config', None, 'Pipeline config with DATA for the folder.')
flags.DEFINE_string('data', None, 'Folder with records and a label map.')
flags.DEFINE_string('output_dir', None, 'Folder for all that is written.')
flags.DEFINE_string('override', '', 'Text proto merged into the config.')
flags.DEFINE_string(
  'eval_config', None, 'File of what evaluation changes in the config.'
)
flags.DEFINE_integer('eval_every', 250, 'Steps between evaluations.')
flags.DEFINE_integer('seed', 1, 'Of all that is random.')
flags.DEFINE_integer('calibration_batches', 40, 'Batches to re-calibrate over.')
flags.DEFINE_string(
  'test_record', None, 'Record in --data to evaluate once, at the end.'
)
flags.mark_flags_as_required(['config', 'data', 'output_dir'])
FLAGS = flags.FLAGS


def read_config(override: str) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Reads the recipe, with the paths of the data in it.

  Args:
    override: text proto merged into it.
  """
  config = pipeline.load(FLAGS.config, override)
  for readers in (config.train_input_reader,), config.eval_input_reader:
    for reader in readers:
      reader.label_map_path = reader.label_map_path.replace('DATA', FLAGS.data)
      paths = reader.tf_record_input_reader.input_path
      paths[:] = [path.replace('DATA', FLAGS.data) for path in paths]
  return config


def build(config: pipeline_pb2.TrainEvalPipelineConfig, folder: str) -> dict:
  """Builds the estimator and its inputs, checkpoints in `folder`."""
  return model_lib.create_estimator_and_inputs(
    config,
    tf.estimator.RunConfig(
      model_dir=folder,
      tf_random_seed=FLAGS.seed,
      save_checkpoints_secs=300,
      keep_checkpoint_max=2,
    ),
    recalibrates=True,
  )


def calibrated(
  config: pipeline_pb2.TrainEvalPipelineConfig, checkpoint: str
) -> str:
  """Writes a checkpoint with exact batch-norm statistics, and its config."""
  folder = os.path.join(FLAGS.output_dir, 'calibrated')
  unfinished = folder + '.unfinished'
  shutil.rmtree(unfinished, ignore_errors=True)
  os.makedirs(unfinished)
  prefix = os.path.join(unfinished, os.path.basename(checkpoint))
  recalibration.recalibrate(
    config, checkpoint, FLAGS.calibration_batches, prefix
  )
  pipeline.save(config, unfinished)
  tf.train.update_checkpoint_state(unfinished, os.path.basename(prefix))
  shutil.rmtree(folder, ignore_errors=True)
  os.rename(unfinished, folder)
  return os.path.join(folder, os.path.basename(checkpoint))


def evaluate(
  config: pipeline_pb2.TrainEvalPipelineConfig, checkpoint: str
) -> Dict[str, Any]:
  """Evaluates a checkpoint on the evaluation record of a config."""
  run = build(config, os.path.dirname(checkpoint))
  metrics = run['estimator'].evaluate(
    run['eval_input_fns'][0], checkpoint_path=checkpoint
  )
  # Pictures for TensorBoard are among them, as bytes.
  return {
    name: float(value)
    for name, value in metrics.items()
    if not isinstance(value, bytes)
  }


def append(metrics: Dict[str, Any]) -> None:
  """Appends a line to the progress file and to the log."""
  path = os.path.join(FLAGS.output_dir, 'progress.jsonl')
  with open(path, 'a') as file:
    file.write(json.dumps(metrics, sort_keys=True) + '\n')
  tf.logging.info('%s', metrics)


def evaluated_steps() -> set:
  """Gives the steps whose evaluation is in the progress file."""
  path = os.path.join(FLAGS.output_dir, 'progress.jsonl')
  if not os.path.exists(path):
    return set()
  with open(path) as file:
    return {json.loads(line)['step'] for line in file}


def main(_) -> None:
  checks.count('--eval_every', FLAGS.eval_every)
  config = read_config(FLAGS.override)
  eval_config = config
  if FLAGS.eval_config:
    with tf.gfile.GFile(FLAGS.eval_config) as file:
      eval_config = read_config(FLAGS.override + file.read())
  last_step = config.train_config.num_steps
  if not last_step:
    raise errors.InputError('the config must say num_steps')
  os.makedirs(FLAGS.output_dir, exist_ok=True)
  model_dir = os.path.join(FLAGS.output_dir, 'train')
  pipeline.save(config, FLAGS.output_dir)
  run = build(config, model_dir)
  done = evaluated_steps()
  steps = list(range(FLAGS.eval_every, last_step, FLAGS.eval_every))
  for step in steps + [last_step]:
    if step in done:
      continue
    run['estimator'].train(run['train_input_fn'], max_steps=step)
    checkpoint = checkpoints.resolve(model_dir)
    metrics = evaluate(eval_config, calibrated(config, checkpoint))
    append(dict(metrics, step=step))
  report = os.path.join(FLAGS.output_dir, 'test.json')
  if FLAGS.test_record and not os.path.exists(report):
    reader = eval_config.eval_input_reader[0].tf_record_input_reader
    reader.input_path[:] = [os.path.join(FLAGS.data, FLAGS.test_record)]
    checkpoint = checkpoints.resolve(
      os.path.join(FLAGS.output_dir, 'calibrated')
    )
    metrics = evaluate(eval_config, checkpoint)
    with open(report, 'w') as file:
      json.dump(metrics, file, indent=2, sort_keys=True)


if __name__ == '__main__':
  command.run(main)
