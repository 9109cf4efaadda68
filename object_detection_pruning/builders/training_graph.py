"""The training graph of a detector, and batches of its input to run it on."""

from typing import Any, Dict, Iterator, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection import inputs, model_hparams
from object_detection import model_lib as stock_model_lib
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2
from object_detection.utils import config_util

from object_detection_pruning.builders import (
  input_checks,
  pipeline,
  pruning_builder,
  stack_checks,
)
from object_detection_pruning.common import (
  errors,
  progress,
)
from object_detection_pruning.dataset_tools import record_reader


def build(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> tf.estimator.EstimatorSpec:
  """Builds the training graph of a config, with its input, and no warm start.

  Args:
    config: the pipeline config, with masks and widths in its `pruning` message.

  Returns:
    What the model function gives: loss and train op.

  Raises:
    InputError: there is no training data.
  """
  stack_checks.check_training(config)
  input_checks.check_training_data(config)
  # As the Estimator does; a model that reads it would make it in its own scope.
  tf.train.get_or_create_global_step()
  without_warm_start = pipeline_pb2.TrainEvalPipelineConfig()
  without_warm_start.CopyFrom(config)
  # The weights come from the checkpoint alone.
  without_warm_start.train_config.ClearField('fine_tune_checkpoint')
  configs = config_util.create_configs_from_pipeline_proto(without_warm_start)

  def detection_model_fn(is_training: bool, add_summaries: bool):
    return model_builder.build(config.model, is_training, add_summaries)

  model_fn = stock_model_lib.create_model_fn(
    detection_model_fn, configs, model_hparams.create_hparams()
  )
  dataset = inputs.create_train_input_fn(
    configs['train_config'], configs['train_input_config'], config.model
  )()
  iterator = dataset.make_initializable_iterator()
  tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
  features, labels = iterator.get_next()
  with pruning_builder.network_scope(pipeline.pruning_message(config)):
    return model_fn(features, labels, tf.estimator.ModeKeys.TRAIN)


def run_batches(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  session: tf.Session,
  fetches: Any,
  number: int,
  title: str,
) -> Iterator[Any]:
  """Runs batches of the training input through a graph.

  Args:
    config: names the record files, for the error.
    session: on what `build` has built.
    fetches: what to run for each batch.
    number: of batches.
    title: of the progress bar.

  Yields:
    The values of each batch.

  Raises:
    InputError: the training input ends early, or is damaged.
  """
  for _ in progress.over(range(number), title):
    with record_reader.naming_damage(input_checks.record_paths(config)):
      try:
        values = session.run(fetches)
      except tf.errors.OutOfRangeError:
        raise errors.InputError(
          f'the training input ended before {number} batches'
        )
    yield values


def restored_session(
  tensors: Dict[str, np.ndarray], config: Optional[tf.ConfigProto] = None
) -> tf.Session:
  """Opens a session on the default graph, with a checkpoint's weights in it.

  Args:
    tensors: the checkpoint by name; optimizer slots need not be in it.
    config: of the session.

  Raises:
    InputError: the checkpoint does not fit the graph.
  """
  session = tf.Session(config=config)
  variables = _model_variables(tensors)
  # Optimizer slots are not needed; what is not restored still must have a
  # value, since the graph may read it.
  session.run([tf.global_variables_initializer(), tf.tables_initializer()])
  session.run(
    [variable.initializer for variable in variables],
    {
      variable.initializer.inputs[1]: tensors[variable.op.name]
      for variable in variables
    },
  )
  return session


def _model_variables(tensors: Dict[str, np.ndarray]) -> list:
  slots = set(_slot_names())
  variables = [v for v in tf.global_variables() if v.op.name not in slots]
  missing = [v.op.name for v in variables if v.op.name not in tensors]
  if missing:
    raise errors.InputError(
      f'the checkpoint does not fit the pipeline config: {len(missing)} '
      f'variables of the model are not in it, {missing[0]} for one'
    )
  for variable in variables:
    shape = tuple(variable.shape.as_list())
    if tensors[variable.op.name].shape != shape:
      raise errors.InputError(
        'the checkpoint does not fit the pipeline config: '
        f'{variable.op.name} has shape {tensors[variable.op.name].shape} '
        f'there and {shape} in the model'
      )
  return variables


def _slot_names() -> Iterator[str]:
  names = {variable.op.name for variable in tf.global_variables()}
  model = {variable.op.name for variable in tf.model_variables()}
  model |= {variable.op.name for variable in tf.trainable_variables()}
  for name in names - model:
    parent: Optional[str] = name.rpartition('/')[0]
    if parent in names or name in _OPTIMIZER_VARIABLES:
      yield name


_OPTIMIZER_VARIABLES = ('beta1_power', 'beta2_power')
