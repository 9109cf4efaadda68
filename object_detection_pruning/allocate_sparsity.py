"""Writes a pipeline config with the layer sparsities that an analysis chose."""

import os

from absl import flags

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import command, errors, paths
from object_detection_pruning.sensitivity import (
  choice_plans,
  results_file,
  selection,
)

flags.DEFINE_string('pipeline_config_path', None, 'Path to pipeline config.')
flags.DEFINE_string(
  'sensitivities', None, 'File of analyze_sensitivity --granularity=weight.'
)
flags.DEFINE_float(
  'eval_metric_loss',
  None,
  'Most that each layer alone may lose, as a share of the metric.',
)
flags.DEFINE_float(
  'target_params', None, 'Share of the weights that is not zero, in (0, 1).'
)
flags.DEFINE_float(
  'target_macs',
  None,
  'Share of the multiply-adds that is not with a zero, in (0, 1).',
)
flags.DEFINE_string('output_dir', None, 'Folder for pipeline.config.')
flags.mark_flags_as_required(
  ['pipeline_config_path', 'sensitivities', 'output_dir']
)
FLAGS = flags.FLAGS


def main(_) -> None:
  target = selection.target_from(
    {
      name: FLAGS[name].value
      for name in selection.TARGETS
      if FLAGS[name].value is not None
    }
  )
  paths.folder_to_write('--output_dir', FLAGS.output_dir)
  found = results_file.load(FLAGS.sensitivities)
  config = pipeline.load(FLAGS.pipeline_config_path)
  if os.path.realpath(FLAGS.pipeline_config_path) == os.path.realpath(
    os.path.join(FLAGS.output_dir, pipeline.FILE_NAME)
  ):
    raise errors.InputError('--output_dir holds the config that is given')
  choice = selection.choose(found, target)
  result = choice_plans.sparsity_map(config, found, choice, FLAGS.sensitivities)
  path = pipeline.save(result.config, FLAGS.output_dir)
  for layer, sparsity in result.sparsities.items():
    note = '  not measured: as in the config' if layer in result.kept else ''
    print(f'{sparsity:.3f}  {layer}{note}')
  print(f'sparsity of all of them: {result.sparsity:.3f}; {path}')


if __name__ == '__main__':
  command.run(main)
