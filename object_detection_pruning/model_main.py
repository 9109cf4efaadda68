"""Trains, prunes and evaluates a detector.

The flags are those of the stock model_main, and those of pruning. A run that
was stopped goes on with the same command.

Example:
  odp model_main --pipeline_config_path=pipeline.config --model_dir=model \\
    --sparsity=0.85 --recalibrate_batch_norm=100
"""

import contextlib
import sys
from typing import Optional

import tensorflow.compat.v1 as tf
from absl import flags
from object_detection import model_lib as stock_model_lib
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import (
  contrib_hparams,
  input_checks,
  pipeline,
  pruning_builder,
  pruning_flags,
)
from object_detection_pruning.common import (
  checkpoints,
  checks,
  command,
  errors,
  locks,
  memory,
  paths,
  project_log,
  stacks,
  stopping,
)
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.dataset_tools import record_reader
from object_detection_pruning.evaluation import record_classes
from object_detection_pruning.training import (
  dry_run,
  evaluation_lines,
  loop,
  model_lib,
  rewinding,
  run_rates,
)

flags.DEFINE_string(
  'model_dir', None, 'Folder for checkpoints, events and the effective config.'
)
shared_flags.define('pipeline_config_path', required=True)
flags.DEFINE_integer(
  'num_train_steps', None, 'Last training step; that of the config if not set.'
)
flags.DEFINE_boolean(
  'eval_training_data',
  False,
  'Evaluate on training data; only with --checkpoint.',
)
flags.DEFINE_integer(
  'sample_1_of_n_eval_examples', 1, 'Use one of every n evaluation examples.'
)
flags.DEFINE_integer(
  'sample_1_of_n_eval_on_train_examples',
  5,
  'Use one of every n training examples with --eval_training_data.',
)
flags.DEFINE_string(
  'hparams_overrides', None, 'Comma-separated name=value hyperparameters.'
)
flags.DEFINE_integer(
  'max_eval_retries',
  0,
  'How often an evaluation of --checkpoint that failed is tried again; below '
  '0: without an end. On TensorFlow 2.15 only.',
)
shared_flags.define(
  'checkpoint',
  note='It is evaluated, and later ones of the folder as they appear; nothing '
  'is trained. Metrics are written to --model_dir.',
)
flags.DEFINE_boolean(
  'run_once', False, 'With --checkpoint: evaluate the latest one and end.'
)
shared_flags.define(
  'sparsity',
  note='Reached at the end of pruning. Not set: that of the config; without '
  'one, masks stay as they are.',
)
pruning_flags.define()
flags.DEFINE_string(
  'pruning_hparams',
  None,
  'Comma-separated name=value hyperparameters of tf.contrib.model_pruning, in '
  'place of the flags and fields of the same meaning.',
)
shared_flags.define(
  'dry_run', False, 'It is the zeros of each layer; nothing is trained.'
)
flags.DEFINE_integer(
  'throttle_secs', 600, 'Seconds at least between evaluations in training.'
)
flags.DEFINE_integer(
  'save_checkpoints_steps',
  None,
  'Steps between checkpoints; every 10 minutes if not set.',
)
shared_flags.define(
  'seed',
  1,
  'These are weights at the start, and order and augmentation of images. Work '
  'in parallel still lets two runs differ a little.',
)
shared_flags.define(
  'recalibrate_batch_norm',
  note='After training, followed by an evaluation. Not set: left as they are.',
)
flags.DEFINE_boolean(
  'allow_partial_warm_start',
  False,
  'Train even if fine_tune_checkpoint gives less than half of the kernels.',
)
flags.mark_flag_as_required('model_dir')
FLAGS = flags.FLAGS


def effective_config(
  given: pipeline_pb2.TrainEvalPipelineConfig,
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Copies a pipeline config, with what the flags say in it."""
  config = pipeline_pb2.TrainEvalPipelineConfig()
  config.CopyFrom(given)
  if FLAGS.num_train_steps is not None:
    config.train_config.num_steps = checks.count(
      '--num_train_steps', FLAGS.num_train_steps
    )
  _check_flags()
  message = pipeline.pruning_message(config)
  had_message = bool(message.ListFields())
  overrides = dict(
    pruning_flags.overrides(FLAGS), target_sparsity=FLAGS.sparsity
  )
  effective = message
  if FLAGS.pruning_hparams:
    effective = contrib_hparams.with_hparams(
      message, FLAGS.pruning_hparams, overrides
    )
  effective = pruning_builder.with_overrides(
    effective, config.train_config.num_steps, **overrides
  )
  if FLAGS.checkpoint is not None:
    # Evaluation prunes and teaches nothing, and need not have what that takes.
    effective.ClearField('soft_filter_pruning')
    effective.ClearField('distillation')
    pipeline.clear_rewinding(effective)
  if had_message or effective.ListFields():
    message.CopyFrom(effective)
  else:
    config = pipeline.without_pruning_message(config)
  return config


def _check_flags() -> None:
  # Checked one by one as well as in the builder, so that the line names the
  # flag that was given.
  for name, check in (
    ('sparsity', checks.sparsity),
    ('throttle_secs', checks.step),
    ('seed', checks.seed),
    ('save_checkpoints_steps', checks.count),
    ('sample_1_of_n_eval_examples', checks.count),
    ('sample_1_of_n_eval_on_train_examples', checks.count),
    ('recalibrate_batch_norm', checks.count),
  ):
    value = FLAGS[name].value
    if value is not None:
      check(f'--{name}', value)
  if FLAGS.max_eval_retries and stacks.current() != stacks.MODERN:
    raise errors.InputError(stacks.needs_modern('--max_eval_retries'))
  paths.folder_to_write('--model_dir', FLAGS.model_dir)
  if FLAGS.checkpoint is None:
    for name in ('run_once', 'eval_training_data', 'max_eval_retries'):
      if FLAGS[name].value:
        raise errors.InputError(f'--{name} needs --checkpoint')
  elif FLAGS.dry_run:
    raise errors.InputError(
      '--dry_run tells what training prunes, and with --checkpoint there is '
      'none'
    )
  elif FLAGS.recalibrate_batch_norm:
    raise errors.InputError(
      '--recalibrate_batch_norm follows training, and with --checkpoint '
      'there is none: use the recalibrate_batch_norm command'
    )
  elif FLAGS.run_once:
    checkpoints.shapes(checkpoints.resolve(FLAGS.checkpoint))
  elif checkpoints.exists(checkpoints.prefix_of(FLAGS.checkpoint)):
    # Others would be waited for in it for ever.
    raise errors.InputError(
      '--checkpoint must be a folder in which checkpoints appear, got '
      f'{FLAGS.checkpoint!r}; add --run_once to evaluate one checkpoint'
    )


def main(_) -> None:
  given = pipeline.load(FLAGS.pipeline_config_path)
  config = effective_config(given)
  if FLAGS.dry_run:
    steps = config.train_config.num_steps
    print(dry_run.describe(config, steps, FLAGS.model_dir))
    return
  memory.keep()
  locks.hold_folder('--model_dir', FLAGS.model_dir, role())
  if role().startswith('ps-'):
    stopping.end_at_once()
  run_config = tf.estimator.RunConfig(
    model_dir=FLAGS.model_dir,
    tf_random_seed=FLAGS.seed,
    **(
      {'save_checkpoints_steps': FLAGS.save_checkpoints_steps}
      if FLAGS.save_checkpoints_steps
      else {}
    ),
  )
  if not FLAGS.checkpoint:
    loop.check_inputs(config, run_config)
  elif FLAGS.eval_training_data:
    input_checks.check_metrics(config.eval_config)
    input_checks.check_training_data(config)
    record_classes.check_training(config)
  else:
    input_checks.check_evaluation(config)
    record_classes.check_evaluation(config)
  rewound = None
  if not FLAGS.checkpoint:
    rewound = rewind(config, run_config.is_chief)
  try:
    train_or_evaluate(config, run_config, given.train_config.num_steps)
  except errors.InputError:
    # It would be gone on with, whatever the corrected command asks for.
    if rewound and checkpoints.latest(FLAGS.model_dir) == rewound:
      rewinding.remove(rewound)
    raise


def train_or_evaluate(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  run_config: tf.estimator.RunConfig,
  made_for: int,
) -> None:
  """Does what the flags ask for, after their checks.

  The config as it was given is made for so many steps.
  """
  lines = []
  if not FLAGS.checkpoint:
    lines = run_rates.prepare(config, made_for, FLAGS.model_dir)
  run = model_lib.create_estimator_and_inputs(
    config,
    run_config,
    FLAGS.num_train_steps,
    FLAGS.hparams_overrides,
    recalibrates=bool(FLAGS.recalibrate_batch_norm),
    restored_from=FLAGS.checkpoint and checkpoints.prefix_of(FLAGS.checkpoint),
    allow_partial_start=FLAGS.allow_partial_warm_start,
    sample_1_of_n_eval_examples=FLAGS.sample_1_of_n_eval_examples,
    sample_1_of_n_eval_on_train_examples=(
      FLAGS.sample_1_of_n_eval_on_train_examples
    ),
  )
  # All that can be refused has been, so this is no line before an error.
  for line in lines if run_config.is_chief else []:
    project_log.say(line)
  project_log.say('building the model')
  if FLAGS.checkpoint:
    with record_reader.naming_damage(input_checks.record_paths(config)):
      evaluate(run)
    return
  with project_log.beside_bars(FLAGS.verbose), contextlib.ExitStack() as stack:
    if run['estimator'].config.is_chief:
      stack.enter_context(checkpoints.tidied(FLAGS.model_dir))
    metrics = loop.train(
      run, config, FLAGS.throttle_secs, FLAGS.recalibrate_batch_norm
    )
  if run['estimator'].config.is_chief:
    print(evaluation_lines.last_lines(FLAGS.model_dir, metrics))


def rewind(
  config: pipeline_pb2.TrainEvalPipelineConfig, is_chief: bool
) -> Optional[str]:
  """Writes the checkpoint that training begins with, if weights are rewound.

  Returns:
    Its prefix; None where none is written.
  """
  train_config = config.train_config
  wanted = rewinding.from_message(
    pipeline.pruning_message(config),
    train_config.fine_tune_checkpoint,
    train_config.num_steps,
  )
  if wanted is None or not is_chief:
    return None
  return rewinding.write(wanted, FLAGS.model_dir)


def role() -> str:
  """Names what this process does to the model folder.

  Others of its cluster, and an evaluation beside a training, may use the folder
  at the same time.
  """
  if FLAGS.checkpoint:
    return 'evaluation'
  run_config = tf.estimator.RunConfig()
  task = loop.task(run_config)
  if task in (None, 'chief', 'master'):
    return 'training'
  return f'{task}-{run_config.task_id}'


def evaluate(run: dict) -> None:
  """Evaluates without training, once or as checkpoints appear."""
  input_fn = run['eval_input_fns'][0]
  name = 'validation_data'
  if FLAGS.eval_training_data:
    input_fn = run['eval_on_train_input_fn']
    name = 'training_data'
  if FLAGS.run_once:
    checkpoint = checkpoints.resolve(FLAGS.checkpoint)
    run['estimator'].evaluate(input_fn, checkpoint_path=checkpoint)
    return
  # The stock function of 2019 has no such argument.
  more = (FLAGS.max_eval_retries,) if FLAGS.max_eval_retries else ()
  stock_model_lib.continuous_eval(
    run['estimator'],
    FLAGS.checkpoint,
    input_fn,
    run['train_steps'] or sys.maxsize,
    name,
    *more,
  )


if __name__ == '__main__':
  command.run(main, goes_on=True)
