"""The main job from data to table: dense, pruned, retrained, compared."""

import json
import os
import sys
from typing import Any, Dict, List, Optional

import tensorflow.compat.v1 as tf
from object_detection.protos import pipeline_pb2
from PIL import Image
from tqdm import tqdm

from object_detection_pruning.batch_norm import recalibration
from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import (
  atomic_files,
  checkpoints,
  errors,
  paths,
)
from object_detection_pruning.comparison import (
  charts,
  comparison_report,
  training_plot,
)
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.export import exporter
from object_detection_pruning.reconstruction import (
  job,
  outputs,
  photos,
  refinement,
)
from object_detection_pruning.reconstruction import request as requests
from object_detection_pruning.sparse_ops import exporting, library
from object_detection_pruning.training import model_lib
from object_detection_pruning.workflow import stages
from object_detection_pruning.workflow.stages import Stage

_SETTINGS = 'quickstart.json'
_RECALIBRATION_BATCHES = 60
_CALIBRATION_IMAGES = 200
_SEED = 1


class QuickstartRun:
  """A folder with a run in it; a second call goes on where one was stopped."""

  def __init__(
    self,
    output_dir: str,
    settings: Dict[str, object],
    contents: Optional[Dict[str, str]] = None,
  ):
    """Looks at the folder, and writes nothing yet.

    Args:
      output_dir: for everything that the run writes.
      settings: what decides its results, in plain types.
      contents: what the files that it reads hold, as hashes by what they are.

    Raises:
      InputError: the folder holds a run with other settings, or its files have
        changed since.
    """
    self._output_dir = paths.folder_to_write('--output_dir', output_dir)
    self._settings = settings
    self._contents = contents or {}
    path = self._settings_path()
    try:
      with open(path) as file:
        known = json.load(file)
    except FileNotFoundError:
      return
    except ValueError:
      known = None
    # Runs of earlier versions did not note them.
    before = known.pop('contents', {}) if isinstance(known, dict) else {}
    if known != settings:
      raise errors.InputError(
        f'{output_dir} holds a run with other settings ({path}'
        f'{_differences(known, settings)}): name another folder or remove it'
      )
    for what, content in self._contents.items():
      if before.get(what, content) != content:
        raise errors.InputError(
          f'the {what} of the run in {output_dir} changed since it began: name '
          'another folder or remove it'
        )

  def begin(self) -> None:
    """Claims the folder for these settings."""
    noted = dict(self._settings, contents=self._contents)
    atomic_files.write(self._settings_path(), json.dumps(noted, indent=2))

  def _settings_path(self) -> str:
    return os.path.join(self._output_dir, _SETTINGS)

  def folder(self, stage: str, *names: str) -> str:
    """Gives a path within a stage's folder."""
    return os.path.join(self._output_dir, stage, *names)

  def make(
    self,
    stage: Stage,
    base: pipeline_pb2.TrainEvalPipelineConfig,
    data: detection_data.DetectionData,
    checkpoint: Optional[str],
  ) -> None:
    """Makes the model of a stage from those before it.

    Args:
      stage: which one.
      base: config that all stages share.
      data: to train on.
      checkpoint: prefix that the first stage starts from, None for random
        weights.
    """
    if not stage.steps:
      self.reconstruct(stage, data.train_record)
      return
    start = self._checkpoint(stage.start) if stage.start else checkpoint
    teacher = self._checkpoint(stage.teacher) if stage.teacher else None
    self.train(stage, stages.configure(base, data, stage, start, teacher))

  def _checkpoint(self, stage: str) -> str:
    return checkpoints.resolve(self.folder(stage))

  def reconstruct(self, stage: Stage, record: str) -> None:
    """Prunes from training images, not their labels; skips what is done."""
    folder = self.folder(stage.name)
    if os.path.exists(os.path.join(folder, outputs.REPORT)):
      return
    source = job.Source(
      config=pipeline.load(self.folder(stage.start, pipeline.FILE_NAME)),
      checkpoint=self._checkpoint(stage.start),
    )
    job.run(
      source,
      photos.read([record], _CALIBRATION_IMAGES, source.photo_size()),
      requests.Request(stage.sparsity),
      refinement.Setting(steps=0),
      folder,
    )

  def train(
    self, stage: Stage, config: pipeline_pb2.TrainEvalPipelineConfig
  ) -> None:
    """Trains, re-calibrates batch norm and exports; skips what is done."""
    if os.path.exists(self.folder(stage.name, 'export', exporter.REPORT)):
      return
    model_dir = self.folder(stage.name)
    pipeline.save(config, model_dir)
    run = model_lib.create_estimator_and_inputs(
      config,
      tf.estimator.RunConfig(
        model_dir=model_dir,
        tf_random_seed=_SEED,
        save_summary_steps=max(1, stage.steps // 60),
        save_checkpoints_secs=60,
      ),
      recalibrates=True,
    )
    with checkpoints.tidied(model_dir):
      run['estimator'].train(run['train_input_fn'], max_steps=stage.steps)
    checkpoint = checkpoints.resolve(model_dir)
    try:
      recalibration.recalibrate(
        config, checkpoint, _RECALIBRATION_BATCHES, checkpoint
      )
    except recalibration.NothingToRecalibrate as reason:
      tf.logging.info('%s', reason)
    # The name is that of evaluations during a training, for TensorBoard.
    run['estimator'].evaluate(
      run['eval_input_fns'][0], checkpoint_path=checkpoint, name='0'
    )
    exporter.export(config, checkpoint, self.folder(stage.name, 'export'))

  def compare(
    self, all_stages: List[Stage], data: detection_data.DetectionData
  ) -> comparison_report.Comparison:
    """Measures the exported models; writes table, page, pictures and plot."""
    models = {}
    trained = [stage for stage in all_stages if stage.steps]
    for stage in trained:
      models[stage.title] = self._graph(stage, exporter.FROZEN_GRAPH)
      if stage.sparsity and self._write_sparse_graph(stage):
        title = f'{stage.title}, sparse graph'
        models[title] = self._graph(stage, exporting.SPARSE_GRAPH)
    comparison = comparison_report.compare(
      models, comparison_report.Settings([data.val_record], data.label_map)
    )
    plot = os.path.join(self._output_dir, 'training.png')
    training_plot.plot(
      [
        training_plot.Run(
          stage.title,
          self.folder(stage.name),
          charts.color_of(list(models).index(stage.title)),
          stages.steps_before(stage, all_stages),
        )
        for stage in trained
      ],
      plot,
    )
    comparison.write(self._output_dir, Image.open(plot))
    return comparison

  def _write_sparse_graph(self, stage: Stage) -> bool:
    """Writes the graph that skips zeros, where the ops for it can be built."""
    try:
      library.load()
    except errors.InputError as error:
      tqdm.write(f'no sparse graph: {error}', file=sys.stderr)
      return False
    exporting.export(
      self._graph(stage, exporter.FROZEN_GRAPH),
      self._graph(stage, exporting.SPARSE_GRAPH),
      seconds=0,
      overwrite=True,
    )
    return True

  def _graph(self, stage: Stage, name: str) -> str:
    return self.folder(stage.name, 'export', name)


def _differences(known: Any, settings: Dict[str, object]) -> str:
  """Says which settings of an earlier run are other ones."""
  if not isinstance(known, dict):
    return ''
  return ''.join(
    f'; {name} was {known.get(name)}, now {value}'
    for name, value in settings.items()
    if known.get(name) != value
  )
