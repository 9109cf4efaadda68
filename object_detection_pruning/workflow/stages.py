"""What the quickstart trains: its stages, and the config of each."""

from typing import List, NamedTuple, Optional

from object_detection.protos import input_reader_pb2, pipeline_pb2

from object_detection_pruning.builders import input_checks, pipeline
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.models import registry
from object_detection_pruning.training import learning_rates

# What the sample configs have in place of a path.
_PLACEHOLDER = 'PATH_TO_BE_CONFIGURED'


class Stage(NamedTuple):
  """A model to train.

  Attributes:
    name: of its folder.
    title: of its row in the table.
    steps: training steps.
    start: name of the stage whose checkpoint it starts from; None for that of
      the config.
    sparsity: target, None for a dense model.
    rate: factor on the config's learning rate.
  """

  name: str
  title: str
  steps: int
  start: Optional[str]
  sparsity: Optional[float]
  rate: float


def stages(dense_steps: int, prune_steps: int, sparsity: float) -> List[Stage]:
  """Gives the models of a run.

  The dense model that is retrained for as long as the pruned one tells what
  of a change comes from pruning and what from more training.
  """
  retrained = {'steps': prune_steps, 'start': 'dense', 'rate': 0.5}
  return [
    Stage('dense', 'dense', dense_steps, None, None, 1.0),
    Stage('pruned', f'pruned {sparsity:g}', sparsity=sparsity, **retrained),
    Stage('dense_retrained', 'dense, retrained', sparsity=None, **retrained),
  ]


def configure(
  base: pipeline_pb2.TrainEvalPipelineConfig,
  data: detection_data.DetectionData,
  stage: Stage,
  checkpoint: Optional[str],
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Fills in a stage's data, steps, start and sparsity.

  Args:
    base: config of a masked or stock model, with a training section.
    data: records and label map.
    stage: what to train.
    checkpoint: prefix to start from, None for random weights.
  """
  config = pipeline_pb2.TrainEvalPipelineConfig()
  config.CopyFrom(base if stage.sparsity else pipeline.as_dense(base))
  if stage.sparsity:
    pruning = pipeline.pruning_message(config)
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
  config_path: str, checkpoint: Optional[str], explicit: bool
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Gives the config to start from, with a masked feature extractor.

  Args:
    config_path: of the training settings and, without a checkpoint, the model.
    checkpoint: a checkpoint; the model is then that of the config beside it.
    explicit: whether a person named `config_path`, so that its model, its
      checkpoint and its `pruning` message count.

  Raises:
    InputError: no config lies beside the checkpoint, its feature extractor
      has no masked one and no patterns name the layers to mask, or a training
      section that cannot work.
  """
  config = pipeline.load(config_path)
  if checkpoint and not explicit:
    beside = pipeline.beside(checkpoint)
    config.model.CopyFrom(pipeline.load(beside).model)
  if not explicit:
    config = pipeline.without_pruning_message(config)
  if not pipeline.pruning_message(config).include:
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
  input_checks.check_train_config(train)
  input_checks.check_start(train)
  return config
