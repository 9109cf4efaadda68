"""The main job from data to table: dense, pruned, exported, compared."""

import json
import os
from typing import Dict, List, NamedTuple, Optional

import tensorflow as tf
from object_detection.protos import pipeline_pb2
from object_detection.utils import label_map_util

from object_detection_pruning import model_lib, pipeline, recalibration
from object_detection_pruning.comparison import (
  accuracy,
  comparison_table,
  examples,
  file_size,
  latency,
  pictures,
  training_plot,
)
from object_detection_pruning.core import checkpoints, errors
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.export import exporter, sparsity_report
from object_detection_pruning.inference import loaders
from object_detection_pruning.models import registry

_SETTINGS = 'quickstart.json'
_MAX_SAMPLE_IMAGES = 3
_RECALIBRATION_BATCHES = 60


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
  config.CopyFrom(base if stage.sparsity else pipeline.as_stock(base))
  pruning = pipeline.pruning_message(config)
  pruning.Clear()
  if stage.sparsity:
    pruning.target_sparsity = stage.sparsity
    pruning.start_step = stage.steps // 10
    pruning.end_step = stage.steps * 3 // 4
  else:
    config = pipeline.without_pruning_message(config)
  model = getattr(config.model, config.model.WhichOneof('model'))
  model.num_classes = data.num_classes
  train = config.train_config
  train.num_steps = stage.steps
  train.fine_tune_checkpoint = checkpoint or ''
  if checkpoint:
    train.fine_tune_checkpoint_type = 'detection'
    train.load_all_detection_checkpoint_vars = True
  _set_rate(train, stage)
  for reader, record in (
    (config.train_input_reader, data.train_record),
    (config.eval_input_reader[0], data.val_record),
  ):
    reader.label_map_path = data.label_map
    reader.tf_record_input_reader.input_path[:] = [record]
  return config


def _set_rate(train, stage: Stage) -> None:
  optimizer = train.optimizer
  rate = getattr(optimizer, optimizer.WhichOneof('optimizer')).learning_rate
  cosine = rate.cosine_decay_learning_rate
  cosine.learning_rate_base *= stage.rate
  cosine.total_steps = stage.steps
  cosine.warmup_steps = min(cosine.warmup_steps, stage.steps // 10)
  cosine.warmup_learning_rate = min(
    cosine.warmup_learning_rate, cosine.learning_rate_base
  )


class QuickstartRun:
  """A folder with a run in it; a second call goes on where one was stopped."""

  def __init__(self, output_dir: str, settings: Dict[str, object]):
    """Opens the folder.

    Args:
      output_dir: for everything that the run writes.
      settings: what decides its results, in plain types.

    Raises:
      InputError: the folder holds a run with other settings.
    """
    self._output_dir = output_dir
    path = os.path.join(output_dir, _SETTINGS)
    if os.path.exists(path):
      with open(path) as file:
        if json.load(file) != settings:
          raise errors.InputError(
            f'{output_dir} holds a run with other settings ({path}): name '
            'another folder or remove it'
          )
    os.makedirs(output_dir, exist_ok=True)
    with open(path, 'w') as file:
      json.dump(settings, file, indent=2)

  def folder(self, stage: str, *names: str) -> str:
    """Gives a path within a stage's folder."""
    return os.path.join(self._output_dir, stage, *names)

  def train(
    self, stage: Stage, config: pipeline_pb2.TrainEvalPipelineConfig
  ) -> None:
    """Trains, re-calibrates batch norm and exports; skips what is done."""
    if os.path.exists(self.folder(stage.name, 'export', exporter.REPORT)):
      return
    model_dir = self.folder(stage.name)
    path = pipeline.save(config, model_dir)
    run = model_lib.create_estimator_and_inputs(
      path,
      config,
      tf.estimator.RunConfig(
        model_dir=model_dir,
        save_summary_steps=max(1, stage.steps // 60),
        save_checkpoints_secs=60,
      ),
      recalibrates=True,
    )
    run['estimator'].train(run['train_input_fn'], max_steps=stage.steps)
    checkpoint = checkpoints.resolve(model_dir)
    try:
      recalibration.recalibrate(
        config, checkpoint, _RECALIBRATION_BATCHES, checkpoint
      )
    except recalibration.NothingToRecalibrate as reason:
      tf.logging.info('%s', reason)
    exporter.export(config, checkpoint, self.folder(stage.name, 'export'))

  def compare(
    self, all_stages: List[Stage], data: detection_data.DetectionData
  ) -> comparison_table.ComparisonTable:
    """Measures the exported models; writes table, pictures and plot."""
    detectors = {
      stage.title: loaders.load_detector(self._graph(stage))
      for stage in all_stages
    }
    samples = [
      example.image
      for example in examples.read(data.val_record, _MAX_SAMPLE_IMAGES)
    ]
    scores = [
      accuracy.evaluate(detector, data.val_record, data.label_map, title)
      for title, detector in detectors.items()
    ]
    latencies = latency.measure(
      [detector.run for detector in detectors.values()], samples
    )
    table = comparison_table.ComparisonTable(
      [
        comparison_table.ModelRow(
          stage.title,
          score,
          sparsity_report.load(
            self.folder(stage.name, 'export', exporter.REPORT)
          ),
          file_size.measure(self._graph(stage)),
          time,
        )
        for stage, score, time in zip(all_stages, scores, latencies)
      ]
    )
    table.write(self._output_dir)
    names = label_map_util.get_label_map_dict(data.label_map)
    pictures.side_by_side(
      detectors, samples, {number: name for name, number in names.items()}
    ).save(os.path.join(self._output_dir, 'detections.png'))
    training_plot.plot(
      {stage.title: self.folder(stage.name) for stage in all_stages},
      os.path.join(self._output_dir, 'training.png'),
    )
    return table

  def _graph(self, stage: Stage) -> str:
    return self.folder(stage.name, 'export', exporter.FROZEN_GRAPH)


def base_config(
  config_path: str, checkpoint: Optional[str], explicit: bool
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Gives the config to start from, with a masked feature extractor.

  Args:
    config_path: of the training settings and, without a checkpoint, the model.
    checkpoint: a checkpoint; the model is then that of the config beside it.
    explicit: whether a person named `config_path`, so that its model counts.

  Raises:
    InputError: no config lies beside the checkpoint, or its feature extractor
      has no masked one.
  """
  config = pipeline.load(config_path)
  if checkpoint and not explicit:
    beside = pipeline.beside(checkpoint)
    config.model.CopyFrom(pipeline.load(beside).model)
  config.model.CopyFrom(registry.as_masked(config.model))
  return config
