"""What the quickstart trains: its stages, and the config of each."""

from typing import List, NamedTuple, Optional, Sequence

from object_detection.protos import input_reader_pb2, pipeline_pb2

from object_detection_pruning.builders import input_checks, pipeline
from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.models import registry
from object_detection_pruning.training import learning_rates

# How the pruned model gets its zeros: all at once, fitted to what the dense one
# computes on training images, whose labels are not looked at; or more and more
# of them while it trains.
RECONSTRUCTION = 'reconstruction'
SCHEDULE = 'schedule'
METHODS = (RECONSTRUCTION, SCHEDULE)

# Names of stages, which are also those of their folders.
DENSE = 'dense'
CONTROL = 'dense_retrained'
RECONSTRUCTED = 'reconstructed'
PRUNED = 'pruned'

_RETRAINING_RATE = 0.5

# What the sample configs have in place of a path.
_PLACEHOLDER = 'PATH_TO_BE_CONFIGURED'


class Stage(NamedTuple):
  """A model to make.

  Attributes:
    name: of its folder.
    title: of its row in the table.
    steps: training steps; 0 for a model that is made by reconstruction.
    start: name of the stage whose checkpoint it starts from; None for that of
      the config.
    sparsity: target, None for a dense model.
    rate: factor on the config's learning rate.
    teacher: name of the stage to learn from; the zeros of the start then stay.
      None for zeros that come by a schedule.
  """

  name: str
  title: str
  steps: int
  start: Optional[str]
  sparsity: Optional[float]
  rate: float
  teacher: Optional[str] = None


def stages(
  dense_steps: int,
  prune_steps: int,
  sparsity: float,
  method: str = RECONSTRUCTION,
) -> List[Stage]:
  """Gives the models of a run.

  The dense model that is retrained for as long as the pruned one tells what
  of a change comes from pruning and what from more training.

  Args:
    dense_steps: training steps of the dense model.
    prune_steps: further ones of the pruned model, and of its control.
    sparsity: share of zeros.
    method: one of `METHODS`.
  """
  retrained = {'steps': prune_steps, 'rate': _RETRAINING_RATE}
  title = f'pruned {sparsity:g}'
  found = [
    Stage(DENSE, 'dense', dense_steps, None, None, 1.0),
    Stage(CONTROL, 'dense, retrained', start=DENSE, sparsity=None, **retrained),
  ]
  if method == SCHEDULE:
    pruned = Stage(PRUNED, title, start=DENSE, sparsity=sparsity, **retrained)
    return found + [pruned]
  return found + [
    Stage(RECONSTRUCTED, f'{title}, untrained', 0, DENSE, sparsity, 0.0),
    Stage(
      PRUNED,
      title,
      start=RECONSTRUCTED,
      sparsity=sparsity,
      teacher=DENSE,
      **retrained,
    ),
  ]


def steps_before(stage: Stage, others: Sequence[Stage]) -> int:
  """Counts the training steps of the models that a stage starts from."""
  if stage.start is None:
    return 0
  (start,) = [each for each in others if each.name == stage.start]
  return start.steps + steps_before(start, others)


def configure(
  base: pipeline_pb2.TrainEvalPipelineConfig,
  data: detection_data.DetectionData,
  stage: Stage,
  checkpoint: Optional[str],
  teacher: Optional[str] = None,
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Fills in a stage's data, steps, start, sparsity and teacher.

  Args:
    base: config of a masked or stock model, with a training section.
    data: records and label map.
    stage: what to train.
    checkpoint: prefix to start from, None for random weights.
    teacher: prefix of the checkpoint of the stage's teacher, if it has one.
  """
  config = pipeline_pb2.TrainEvalPipelineConfig()
  scheduled = stage.sparsity and not stage.teacher
  config.CopyFrom(base if scheduled else pipeline.as_dense(base))
  pruning = pipeline.pruning_message(config)
  if stage.teacher:
    # Reconstruction gives all kernels masks; without a target they stay.
    pruning.include.append('')
    pruning.distillation.teacher = teacher
  elif scheduled:
    pruning.target_sparsity = stage.sparsity
    pruning.start_step = stage.steps // 10
    pruning.end_step = stage.steps * 3 // 4
  model = getattr(config.model, config.model.WhichOneof('model'))
  model.num_classes = data.num_classes
  train = config.train_config
  train.num_steps = stage.steps
  if checkpoint:
    train.fine_tune_checkpoint = checkpoint
    train.fine_tune_checkpoint_type = 'detection'
    train.load_all_detection_checkpoint_vars = True
  learning_rates.fit(train.optimizer, stage.steps, stage.rate)
  del config.eval_input_reader[1:]
  for reader, record in (
    (config.train_input_reader, data.train_record),
    (config.eval_input_reader[0], data.val_record),
  ):
    reader.label_map_path = data.label_map
    reader.tf_record_input_reader.input_path[:] = [record]
    if reader.load_instance_masks:
      reader.mask_type = input_reader_pb2.PNG_MASKS
  return config


def base_config(
  config_path: str,
  checkpoint: Optional[str],
  explicit: bool,
  method: str = RECONSTRUCTION,
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Gives the config to start from.

  For pruning by a schedule its feature extractor is a masked one, or patterns
  name the layers to mask.

  Args:
    config_path: of the training settings and, without a checkpoint, the model.
    checkpoint: a checkpoint; the model is then that of the config beside it.
    explicit: whether a person named `config_path`, so that its model, its
      checkpoint and its `pruning` message count.
    method: one of `METHODS`.

  Raises:
    InputError: no config lies beside the checkpoint, a schedule has nothing to
      mask, the config says how to prune what is pruned by reconstruction, has a
      training section that cannot work, metrics that stock code does not know,
      or a reader without the masks that the model predicts.
  """
  config = pipeline.load(config_path)
  if checkpoint and not explicit:
    beside = pipeline.beside(checkpoint)
    config.model.CopyFrom(pipeline.load(beside).model)
  if not explicit:
    config = pipeline.without_pruning_message(config)
  if method == RECONSTRUCTION:
    _check_says_nothing(config, config_path)
  elif not pipeline.pruning_message(config).include:
    config.model.CopyFrom(registry.as_masked(config.model))
  train = config.train_config
  if checkpoint or train.fine_tune_checkpoint.startswith(_PLACEHOLDER):
    train.ClearField('fine_tune_checkpoint')
  if not config.eval_input_reader:
    config.eval_input_reader.add(
      shuffle=False,
      num_readers=1,
      load_instance_masks=config.train_input_reader.load_instance_masks,
    )
  try:
    input_checks.check_train_config(train)
  except errors.InputError as error:
    raise errors.InputError(
      f'{config_path} says how to train, and it lacks something: {error}; give '
      '--checkpoint alone to train its model with the sample settings'
    )
  input_checks.check_start(train)
  input_checks.check_metrics(config.eval_config)
  # The data is one set, whatever the readers of a config are for.
  del config.eval_input_reader[1:]
  if not explicit and pipeline.predicts_masks(config):
    for reader in (config.train_input_reader, config.eval_input_reader[0]):
      reader.load_instance_masks = True
      reader.mask_type = input_reader_pb2.PNG_MASKS
  input_checks.check_masks_loaded(config)
  return config


def _check_says_nothing(
  config: pipeline_pb2.TrainEvalPipelineConfig, path: str
) -> None:
  said = [
    field.name
    for field, _ in pipeline.pruning_message(config).ListFields()
    # What network this is, and what the quickstart does anyway.
    if field.name not in ('layer_width', 'fit_learning_rate')
  ]
  if config.HasField('graph_rewriter'):
    raise errors.InputError(
      f'{path} has a graph_rewriter, which does not go with the teacher of '
      f'--method={RECONSTRUCTION}: give --method={SCHEDULE}, or remove it'
    )
  if said:
    raise errors.InputError(
      f'the pruning message of {path} says how to prune by a schedule '
      f'({", ".join(said)}): give --method={SCHEDULE}, or remove them'
    )
