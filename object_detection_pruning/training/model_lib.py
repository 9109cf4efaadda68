"""The stock estimator, with masks in its model and a hook that changes them."""

import contextlib
import tempfile
from typing import Any, Callable, Dict, Iterator, Optional

import tensorflow.compat.v1 as tf
from object_detection import model_hparams
from object_detection import model_lib as stock_model_lib
from object_detection.protos import model_pb2, pipeline_pb2

from object_detection_pruning.batch_norm import moving_statistics
from object_detection_pruning.builders import (
  pipeline,
  pruning_builder,
  stack_checks,
)
from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.core import (
  checkpoint_masks,
  masking,
  summaries,
  widths,
)
from object_detection_pruning.models import registry
from object_detection_pruning.training import (
  distillation,
  evaluation_lines,
  rewinding,
  training_hooks,
  warm_start,
)
from object_detection_pruning.training.soft import pruning_rounds, soft_training


def check_run(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  settings: pruning_builder.PruningSettings,
  train_steps: Optional[int],
) -> None:
  """Checks that a run can do what its settings ask for.

  Args:
    config: the pipeline config.
    settings: from `pruning_builder.build`.
    train_steps: last training step, None or 0 if there is none.

  Raises:
    InputError: nothing would be masked, or no update would ever happen.
  """
  extractor = registry.feature_extractor_type(config.model)
  schedule = settings.schedule
  if schedule is None:
    return
  if not registry.is_masked(config.model) and not settings.include:
    raise errors.InputError(
      f'feature extractor {extractor!r} is not masked, so nothing could be '
      f'pruned: use one of {", ".join(sorted(registry.STOCK_TYPES))}, or name '
      'layers in the include patterns of the pruning message'
    )
  if not train_steps:
    return
  if schedule.start_step >= train_steps:
    raise errors.InputError(
      'start_step (--pruning_start_step) must be before the last training '
      f'step ({train_steps}), got {schedule.start_step}'
    )


def model_fn_creator(
  settings: pruning_builder.PruningSettings,
  run_config: tf.estimator.RunConfig,
  train_steps: Optional[int] = None,
  recalibrates: bool = False,
  soft: Optional[soft_training.SoftTraining] = None,
  restored_from: Optional[str] = None,
  teacher: Optional[distillation.Settings] = None,
  allow_partial_start: bool = False,
  rewinds: bool = False,
) -> Callable:
  """Gives a `model_fn_creator` for stock `create_estimator_and_inputs`.

  Args:
    settings: how the model is pruned.
    run_config: that of the estimator.
    train_steps: last training step, if there is one.
    recalibrates: whether batch norm is re-calibrated after training, so that
      stale statistics need no warning.
    soft: what soft filter pruning needs, if filters are pruned so.
    restored_from: folder or prefix of the checkpoint that is read; None for the
      model folder.
    teacher: what the model learns from besides its labels, or None.
    allow_partial_start: whether the checkpoint to start from may lack most of
      the kernels.
    rewinds: whether training begins with a checkpoint of `rewinding`.
  """
  restored_from = restored_from or run_config.model_dir or ''

  def create(detection_model_fn, configs, hparams, *args, **kwargs):
    if teacher is not None:
      detection_model_fn = distillation.taught(detection_model_fn, teacher)
    stock_model_fn = stock_model_lib.create_model_fn(
      detection_model_fn, configs, hparams, *args, **kwargs
    )

    def model_fn(features, labels, mode, params=None):
      training = mode == tf.estimator.ModeKeys.TRAIN
      with warm_start.summarized(), _scope(settings, training):
        spec = stock_model_fn(features, labels, mode, params)
      pruning_builder.check_patterns(settings)
      _check_masked(settings, configs['model'])
      if mode == tf.estimator.ModeKeys.EVAL:
        _check_masks(restored_from)
        return _with_eval_metrics(spec)
      if not training:
        return spec
      # What is rewound has the masks of the checkpoint, which is not loaded.
      is_heeded = hparams.load_pretrained or rewinds
      start = configs['train_config'].fine_tune_checkpoint if is_heeded else ''
      _check_start(restored_from, start, allow_partial_start, rewinds)
      if run_config.is_chief and not recalibrates:
        moving_statistics.warn_if_stale(settings.schedule, train_steps)
      return training_hooks.with_hooks(
        spec, settings, run_config, train_steps, soft, start, rewinds
      )

    return model_fn

  return create


def _check_start(
  restored_from: str, start: str, allow_partial: bool, rewinds: bool
) -> None:
  """Checks what the graph of a training begins with.

  Args:
    restored_from: folder or prefix of a checkpoint to go on from.
    start: prefix of the one that is read where there is none yet.
    allow_partial: whether that one may lack most of the kernels.
    rewinds: whether the first one was written by `rewinding`.

  Raises:
    InputError: a checkpoint does not fit the graph.
  """
  latest = _latest(restored_from)
  if rewinds and latest:
    rewinding.check_whole(latest, checkpoints.shapes(latest))
  if not _check_masks(restored_from, start):
    moving_statistics.warn_if_frozen()
  if start and not latest:
    warm_start.check(start, allow_partial)


@contextlib.contextmanager
def _scope(
  settings: pruning_builder.PruningSettings, training: bool
) -> Iterator[None]:
  """Gives what is built within it the widths and masks of the settings.

  Args:
    settings: how the model is pruned.
    training: whether it has what only its training needs.
  """
  noted: Dict[str, Any] = {}
  if training and settings.schedule is not None:
    regrowth = settings.method.regrowth
    noted['criterion'] = str(settings.method.criterion)
    noted['gradients'] = regrowth is not None and regrowth.needs_gradients
    if regrowth is not None and regrowth.is_soft:
      noted['soft_until'] = settings.schedule.end_step
  with widths.width_scope(settings.layer_widths), masking.masking_scope(
    settings.include, settings.exclude, settings.mask_depthwise, **noted
  ):
    yield


def create_estimator_and_inputs(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  run_config: tf.estimator.RunConfig,
  train_steps: Optional[int] = None,
  hparams_overrides: Optional[str] = None,
  recalibrates: bool = False,
  restored_from: Optional[str] = None,
  allow_partial_start: bool = False,
  **kwargs,
) -> Dict[str, Any]:
  """Creates what stock `model_lib.create_estimator_and_inputs` does, masked.

  Args:
    config: the pipeline config, with the effective `pruning` message.
    run_config: that of the estimator.
    train_steps: last training step; None for that of the config.
    hparams_overrides: as in stock `model_main`.
    recalibrates: see `model_fn_creator`.
    restored_from: see `model_fn_creator`.
    allow_partial_start: see `model_fn_creator`.
    **kwargs: passed on to the stock function.

  Returns:
    The dictionary of the stock function, and a `SoftTraining` or None under
    'soft_filter_pruning'.

  Raises:
    InputError: the settings cannot work.
  """
  stock_config = _for_stock_code(config, trains=not restored_from)
  message = pipeline.pruning_message(config)
  settings = pruning_builder.build(message)
  soft_settings = pruning_rounds.from_message(message)
  kwargs.setdefault('sample_1_of_n_eval_examples', 1)
  last_step = train_steps or config.train_config.num_steps or None
  check_run(config, settings, last_step)
  soft = soft_training.prepare(config, soft_settings, last_step, run_config)
  creator = model_fn_creator(
    settings,
    run_config,
    last_step,
    recalibrates,
    soft,
    restored_from,
    distillation.from_config(config),
    allow_partial_start,
    message.HasField('rewind_checkpoint'),
  )
  run = _stock_run(
    stock_config,
    run_config=run_config,
    hparams=_hparams(hparams_overrides),
    train_steps=train_steps,
    model_fn_creator=creator,
    **kwargs,
  )
  evaluation_lines.tell(run['estimator'])
  run['soft_filter_pruning'] = soft
  return run


def _for_stock_code(
  config: pipeline_pb2.TrainEvalPipelineConfig, trains: bool
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Gives what stock code gets of a config, if this stack can build it."""
  if trains:
    stack_checks.check_training(config)
    return config
  stack_checks.check(config)
  return pipeline.as_evaluated(config)


def _stock_run(
  config: pipeline_pb2.TrainEvalPipelineConfig, **kwargs
) -> Dict[str, Any]:
  # The stock function takes a file alone, and what the user wrote need not be
  # what counts: flags are not in it, and it may be of an older API.
  with tempfile.TemporaryDirectory() as folder:
    return stock_model_lib.create_estimator_and_inputs(
      pipeline_config_path=pipeline.save(config, folder), **kwargs
    )


def _hparams(overrides: Optional[str]) -> Any:
  try:
    return model_hparams.create_hparams(overrides)
  except ValueError as error:
    raise errors.InputError(
      f'hparams_overrides cannot be used, got {overrides!r}: {error}'
    )


def _check_masks(restored_from: str, start: str = '') -> bool:
  """Checks the masks of the checkpoint that the model will be read from.

  Args:
    restored_from: folder or prefix of a checkpoint to go on from.
    start: prefix of the one that is read where there is none yet.

  Returns:
    Whether there is either.
  """
  checkpoint = _latest(restored_from)
  if checkpoint:
    shapes = checkpoints.shapes(checkpoint)
    checkpoint_masks.check_built(checkpoint, shapes)
    checkpoint_masks.check_given(checkpoint, shapes)
    checkpoint_masks.check_gathered(checkpoint, shapes)
    return True
  if start and checkpoints.exists(start):
    checkpoint_masks.check_built(start, checkpoints.shapes(start))
    return True
  return False


def _latest(restored_from: str) -> Optional[str]:
  """Gives the checkpoint of a folder or prefix, None where there is none."""
  checkpoint = restored_from
  if tf.gfile.IsDirectory(restored_from):
    checkpoint = checkpoints.latest(restored_from)
  if checkpoint and checkpoints.exists(checkpoint):
    return checkpoint
  return None


def _check_masked(
  settings: pruning_builder.PruningSettings, model: model_pb2.DetectionModel
) -> None:
  wanted = registry.is_masked(model) or settings.include
  if wanted:
    pruning_builder.check_some_masked()


def _with_eval_metrics(
  spec: tf.estimator.EstimatorSpec,
) -> tf.estimator.EstimatorSpec:
  kernels = masking.masked_kernels()
  if not kernels:
    return spec
  metrics = dict(spec.eval_metric_ops)
  for name, value in summaries.sparsity_tensors(kernels).items():
    # Masks do not change during an evaluation: there is nothing to update.
    metrics[name] = (value, tf.no_op())
  return spec._replace(eval_metric_ops=metrics)
