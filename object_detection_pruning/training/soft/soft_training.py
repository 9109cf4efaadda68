"""A training run under soft filter pruning, from its settings."""

import os
from typing import Any, Callable, List, NamedTuple, Optional

import tensorflow.compat.v1 as tf
from object_detection.builders import optimizer_builder
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import inference_graph, pipeline
from object_detection_pruning.channels import groups, selection
from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import record_reader
from object_detection_pruning.models import registry
from object_detection_pruning.training.soft import (
  pruning_rounds,
  recovery_report,
  soft_filter_pruning_hook,
)

_FOLDER = 'soft_filter_pruning'
_STATE = 'state.json'


class SoftTraining(NamedTuple):
  """What a run needs to prune softly.

  Attributes:
    settings: with the frequency in steps.
    channel_groups: those to prune.
    train_steps: of one round.
    model_dir: of the run.
  """

  settings: pruning_rounds.Settings
  channel_groups: List[groups.ChannelGroup]
  train_steps: int
  model_dir: str

  @property
  def last_step(self) -> int:
    """Last training step if all rounds are needed."""
    return self.train_steps * self.settings.max_rounds

  def hook(self) -> soft_filter_pruning_hook.SoftFilterPruningHook:
    """Makes the hook, for a session in any of the rounds."""
    return soft_filter_pruning_hook.SoftFilterPruningHook(
      self.channel_groups,
      self.settings.schedule(self.train_steps),
      self.settings.thresholds,
      self._path(_STATE),
    )

  def train(self, train_to: Callable[[int], Any]) -> Any:
    """Trains round after round, until few filters come back.

    A round that was done before is not done again.

    Args:
      train_to: trains to a global step.

    Returns:
      What `train_to` gave for the last round, None if it was done before.
    """
    results = []

    def train_round(number: int) -> pruning_rounds.Report:
      last_step = self.train_steps * (number + 1)
      # Outside of the rounds' own file, which later rounds write over.
      path = self._path(f'step_{last_step}.json')
      if os.path.exists(path):
        results.append(None)
        return recovery_report.read(path).reports
      results.append(train_to(last_step))
      state = recovery_report.read(self._path(_STATE))
      state.write(path)
      return state.reports

    bound = self.settings.max_failure_rate
    if bound is None:
      return train_to(self.train_steps)
    rounds = pruning_rounds.repeat(
      train_round, self.settings.thresholds, bound, self.settings.max_rounds
    )
    tf.logging.info(
      'Soft filter pruning: %.1f %% of the filters came back (above %g of the '
      'others) in round %d of at most %d, %s the bound of %.1f %%.',
      100 * rounds.rates[-1],
      rounds.threshold,
      len(rounds.rates),
      self.settings.max_rounds,
      'within' if rounds.reached else 'above',
      100 * bound,
    )
    return results[-1]

  def _path(self, name: str) -> str:
    return os.path.join(self.model_dir, _FOLDER, name)


def prepare(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  settings: Optional[pruning_rounds.Settings],
  train_steps: Optional[int],
  run_config: tf.estimator.RunConfig,
) -> Optional[SoftTraining]:
  """Checks that a run can prune softly, and finds its channel groups.

  Args:
    config: the pipeline config.
    settings: how to prune; None for not at all.
    train_steps: last training step of one round, None or 0 if there is none.
    run_config: that of the estimator.

  Raises:
    InputError: the network has masks, the settings do not fit the run, or a
      pattern finds nothing that can go.
  """
  if settings is None:
    return None
  message = pipeline.pruning_message(config)
  if registry.is_masked(config.model) or message.include:
    raise errors.InputError(
      'soft filter pruning is for networks without masks: take the stock '
      'feature extractor, and no include patterns in the pruning message'
    )
  if not train_steps:
    raise errors.InputError(
      'soft filter pruning needs the number of training steps '
      '(--num_train_steps)'
    )
  if settings.max_rounds > 1 and run_config.cluster_spec:
    raise errors.InputError(
      'soft_filter_pruning.max_rounds must be 1 in a cluster, '
      f'got {settings.max_rounds}'
    )
  if settings.frequency is None:
    settings = settings._replace(frequency=_epoch(config))
  settings.schedule(train_steps)
  _warn_if_idle(config, settings, train_steps)
  built = inference_graph.build(config)
  chosen = selection.candidates(
    groups.find(built.graph, built.exported),
    settings.include,
    settings.exclude,
  )
  return SoftTraining(settings, chosen, train_steps, run_config.model_dir)


def _warn_if_idle(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  settings: pruning_rounds.Settings,
  train_steps: int,
) -> None:
  """Warns where rounds after the first would train nothing."""
  if settings.max_rounds == 1:
    return
  with tf.Graph().as_default(), tf.Session() as session:
    step = tf.train.get_or_create_global_step()
    _, (rate,) = optimizer_builder.build(config.train_config.optimizer)
    session.run(step.initializer)
    session.run(step.assign(train_steps + 1))
    if session.run(rate) > 0:
      return
  tf.logging.warning(
    'The learning rate is 0 after step %d, so a second round of soft filter '
    'pruning would train nothing: let it end after all rounds (step %d).',
    train_steps,
    train_steps * settings.max_rounds,
  )


def _epoch(config: pipeline_pb2.TrainEvalPipelineConfig) -> int:
  """Gives the steps of one pass over the training data."""
  paths = config.train_input_reader.tf_record_input_reader.input_path
  return -(-record_reader.count(paths) // config.train_config.batch_size)
