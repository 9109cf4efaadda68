"""Makes and evaluates the model of one experiment; called by run.py."""

import json
import os
import subprocess
import sys
from typing import Optional

import numpy as np
import tensorflow.compat.v1 as tf
from absl import flags
from google.protobuf import text_format
from object_detection.protos import pipeline_pb2

from object_detection_pruning.batch_norm import recalibration
from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import atomic_files, checkpoints, command
from object_detection_pruning.core import kernels, masking, widths
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.export import exporter
from object_detection_pruning.reconstruction import (
  job,
  outputs,
  photos,
  refinement,
)
from object_detection_pruning.reconstruction import request as requests
from object_detection_pruning.training import model_lib, rewinding
from object_detection_pruning.workflow import stages

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _HERE)

import experiments  # noqa: E402
import kinds  # noqa: E402
import measured  # noqa: E402

flags.DEFINE_string('experiment', None, 'Name of the experiment.')
flags.DEFINE_string('detector', None, 'Name of the detector.')
flags.DEFINE_integer('seed', None, 'Of all that is random in training.')
flags.DEFINE_string('records', None, 'Folder with records of each data set.')
flags.DEFINE_string('start', '', 'Folder of the run to start from.')
flags.DEFINE_string('teacher', '', 'Folder of the run to distill from.')
flags.DEFINE_string('rewind', '', 'Folder of the run to take weights from.')
flags.DEFINE_string('output_dir', None, 'Folder of this run.')
FLAGS = flags.FLAGS

_RECALIBRATION_BATCHES = 50
_CALIBRATION_PHOTOS = 128


class ClearedMomentum(tf.train.SessionRunHook):
  """Sets the momentum of masked weights to zero after each step."""

  def begin(self) -> None:
    variables = {each.op.name: each for each in tf.global_variables()}
    self._clear = tf.group(
      *[
        tf.assign(slot, slot * kernel.mask)
        for kernel in masking.masked_kernels()
        for slot in [variables[f'{kernel.weights.op.name}/Momentum']]
      ]
    )

  def after_run(self, run_context, run_values) -> None:
    run_context.session.run(self._clear)


def main(_) -> None:
  experiment = experiments.find(FLAGS.detector, FLAGS.experiment)
  detector = kinds.DETECTORS[experiment.detector]
  make = {
    kinds.TRAIN: trained,
    kinds.RECIPE: by_recipe,
    kinds.RECONSTRUCT: reconstructed,
    kinds.MAGNITUDE: cut,
    kinds.CHANNELS: narrowed,
    kinds.SENSITIVITY: by_sensitivity,
  }[experiment.way]
  graph = make(experiment, detector)
  result = {
    'detector': experiment.detector,
    'experiment': experiment.name,
    'seed': FLAGS.seed,
    'steps': experiment.steps,
    'tensorflow': tf.__version__,
    'commit': measured.commit(),
    'settings': json.dumps(experiment._asdict(), sort_keys=True),
  }
  result.update(measured.size(graph, data_of(detector)))
  result.update(measured.accuracies(graph, data_of(detector)))
  atomic_files.write(
    os.path.join(FLAGS.output_dir, 'result.json'), json.dumps(result, indent=2)
  )


def data_of(detector: kinds.Detector) -> detection_data.DetectionData:
  """Finds the records of a detector's data."""
  folder = os.path.join(FLAGS.records, detector.data)
  label_map = os.path.join(folder, 'label_map.pbtxt')
  records = (
    os.path.join(folder, f'{each}.record') for each in ('train', 'val')
  )
  with open(label_map) as file:
    count = file.read().count('item')
  return detection_data.DetectionData(*records, label_map, count, 0, 0)


def configured(
  experiment: kinds.Experiment, detector: kinds.Detector
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Gives the config that an experiment trains with."""
  base = pipeline.without_pruning_message(
    pipeline.load(os.path.join(_HERE, '..', detector.config))
  )
  start = None
  if FLAGS.start:
    start = checkpoints.resolve(FLAGS.start)
  elif detector.checkpoint:
    start = os.path.join(os.environ['ODP_DATA'], detector.checkpoint)
  is_masked = experiment.pruning is not None
  sparsity = 0.5 if is_masked else None
  stage = stages.Stage(
    experiment.name, '', experiment.steps, None, sparsity, experiment.rate
  )
  config = stages.configure(base, data_of(detector), stage, start)
  text_format.Merge(experiment.changes, config)
  if is_masked:
    message = pipeline.pruning_message(config)
    message.Clear()
    text_format.Merge(experiment.pruning, message)
    if message.target_sparsity:
      first, last = experiment.window
      message.start_step = int(experiment.steps * first)
      message.end_step = int(experiment.steps * last)
    if FLAGS.teacher:
      message.distillation.teacher = FLAGS.teacher
    if FLAGS.rewind:
      message.rewind_checkpoint = FLAGS.rewind
      message.rewind_step = False
  if FLAGS.start:
    before = pipeline.load(os.path.join(FLAGS.start, pipeline.FILE_NAME))
    left = widths.from_message(pipeline.pruning_message(before))
    if left:
      # Channels that the start lacks, this model lacks too.
      widths.to_message(left, pipeline.pruning_message(config))
  return config


def by_sensitivity(
  experiment: kinds.Experiment, detector: kinds.Detector
) -> str:
  """Prunes each layer of the start alone, divides zeros by that, and trains."""
  folder = FLAGS.output_dir
  curves = os.path.join(folder, 'sensitivities.json')
  asked = pipeline.save(
    configured(experiment, detector), os.path.join(folder, 'asked')
  )
  # Killed, it goes on where it was.
  odp(
    'analyze_sensitivity',
    pipeline_config_path=os.path.join(FLAGS.start, pipeline.FILE_NAME),
    checkpoint=FLAGS.start,
    granularity='weight',
    metric='AP50',
    ratios=experiment.request['ratios'],
    output_path=curves,
  )
  divided = os.path.join(folder, 'divided')
  odp(
    'allocate_sparsity',
    pipeline_config_path=asked,
    sensitivities=curves,
    sparsity=experiment.request['sparsity'],
    output_dir=divided,
    overwrite=True,
  )
  config = pipeline.load(os.path.join(divided, pipeline.FILE_NAME))
  return trained(experiment, detector, config)


def odp(command_name: str, **arguments) -> None:
  """Runs a command, as a user does."""
  subprocess.check_call(
    [sys.executable, '-m', 'object_detection_pruning', command_name]
    + [f'--{name}={value}' for name, value in arguments.items()]
  )


def trained(
  experiment: kinds.Experiment,
  detector: kinds.Detector,
  config: Optional[pipeline_pb2.TrainEvalPipelineConfig] = None,
) -> str:
  """Trains, re-calibrates batch norm, exports; returns the frozen graph."""
  folder = FLAGS.output_dir
  config = config or configured(experiment, detector)
  pipeline.save(config, folder)
  rewound = rewinding.from_message(
    pipeline.pruning_message(config),
    config.train_config.fine_tune_checkpoint,
    experiment.steps,
  )
  if rewound:
    rewinding.write(rewound, folder)
  run = model_lib.create_estimator_and_inputs(
    config,
    tf.estimator.RunConfig(
      model_dir=folder,
      tf_random_seed=FLAGS.seed,
      save_summary_steps=20,
      save_checkpoints_secs=180,
      keep_checkpoint_max=2,
    ),
    recalibrates=True,
  )
  run['estimator'].train(
    run['train_input_fn'],
    hooks=[ClearedMomentum()] if experiment.clears_momentum else [],
    max_steps=experiment.steps,
  )
  checkpoint = checkpoints.resolve(folder)
  recalibration.recalibrate(
    config, checkpoint, _RECALIBRATION_BATCHES, checkpoint
  )
  return export(as_evaluated(folder, detector), checkpoint)


def as_evaluated(
  folder: str, detector: kinds.Detector
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """The config that a model trained in a folder is evaluated with."""
  changes = ''
  if detector.eval_config:
    with open(os.path.join(_HERE, '..', detector.eval_config)) as file:
      changes = file.read()
  return pipeline.load(os.path.join(folder, pipeline.FILE_NAME), changes)


def export(
  config: pipeline_pb2.TrainEvalPipelineConfig, checkpoint: str
) -> str:
  """Exports a model, and writes its config for what starts from it."""
  pipeline.save(config, FLAGS.output_dir)
  exported = os.path.join(FLAGS.output_dir, 'export')
  exporter.export(config, checkpoint, exported)
  return os.path.join(exported, exporter.FROZEN_GRAPH)


def by_recipe(experiment: kinds.Experiment, detector: kinds.Detector) -> str:
  """Trains by the detector's config alone; returns the frozen graph."""
  folder = os.path.join(FLAGS.output_dir, 'recipe')
  arguments = [
    f'--config={os.path.join(_HERE, "..", detector.config)}',
    f'--data={os.path.join(FLAGS.records, detector.data)}',
    f'--output_dir={folder}',
    '--eval_every=1000',
    f'--seed={FLAGS.seed}',
  ]
  if detector.eval_config:
    path = os.path.join(_HERE, '..', detector.eval_config)
    arguments.append(f'--eval_config={path}')
  subprocess.check_call(
    [sys.executable, os.path.join(_HERE, 'train_detector.py')] + arguments
  )
  prefix = taken_over(os.path.join(folder, 'calibrated'))
  return export(as_evaluated(folder, detector), prefix)


def taken_over(checkpoint: str) -> str:
  """Copies a checkpoint, or a folder's latest, to where others start from."""
  prefix = os.path.join(FLAGS.output_dir, 'model.ckpt')
  checkpoints.write(prefix, checkpoints.read(checkpoints.resolve(checkpoint)))
  checkpoints.name_latest(prefix)
  return prefix


def reconstructed(
  experiment: kinds.Experiment, detector: kinds.Detector
) -> str:
  """Prunes from training images without their labels."""
  source = job.Source(
    config=pipeline.load(os.path.join(FLAGS.start, 'pipeline.config')),
    checkpoint=checkpoints.resolve(FLAGS.start),
  )
  pictures = photos.read([data_of(detector).train_record], _CALIBRATION_PHOTOS)
  request = requests.Request(**experiment.request)
  learning = refinement.Setting(experiment.steps)
  job.run(source, pictures, request, learning, FLAGS.output_dir)
  return os.path.join(FLAGS.output_dir, outputs.FROZEN_GRAPH)


def cut(experiment: kinds.Experiment, detector: kinds.Detector) -> str:
  """Sets the smallest weights of each masked kernel to zero; nothing more."""
  config = pipeline.load(os.path.join(FLAGS.start, 'pipeline.config'))
  start = checkpoints.resolve(FLAGS.start)
  tensors = checkpoints.read(start)
  sparsity = experiment.request['sparsity']
  for name, value in tensors.items():
    if kernels.kind_of(name, value.ndim) == kernels.DENSE:
      order = np.argsort(np.abs(value), axis=None, kind='stable')
      value.reshape(-1)[order[: int(round(sparsity * value.size))]] = 0
  prefix = os.path.join(FLAGS.output_dir, 'model.ckpt')
  checkpoints.write(prefix, tensors)
  return export(config, prefix)


def narrowed(experiment: kinds.Experiment, detector: kinds.Detector) -> str:
  """Removes channels, as a user does; those of reconstruction are refitted."""
  # A command claims its folder for itself.
  folder = os.path.join(FLAGS.output_dir, 'narrow')
  arguments = {
    'pipeline_config_path': os.path.join(FLAGS.start, 'pipeline.config'),
    'checkpoint': FLAGS.start,
    'output_dir': folder,
    # What a run that was killed has left.
    'overwrite': True,
    **experiment.request,
  }
  if experiment.request.get('importance') == 'reconstruction':
    arguments['reconstruct'] = data_of(detector).train_record
    arguments['num_images'] = _CALIBRATION_PHOTOS
  odp('prune_channels', **arguments)
  config = pipeline.load(os.path.join(folder, pipeline.FILE_NAME))
  return export(config, taken_over(os.path.join(folder, 'model.ckpt')))


if __name__ == '__main__':
  command.run(main)
