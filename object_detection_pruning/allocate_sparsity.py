"""Chooses layer sparsities for a pipeline config.

The choice follows from a file of analyze_sensitivity --granularity=weight.

Example:
  odp allocate_sparsity --pipeline_config_path=trained/pipeline.config \\
    --sensitivities=weights.json --eval_metric_loss=0.02 --output_dir=sparse
"""

from absl import flags

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import (
  command,
  paths,
  project_log,
)
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.sensitivity import (
  choice_plans,
  results_file,
  selection,
)

shared_flags.define('pipeline_config_path', required=True)
shared_flags.define(
  'sensitivities', required=True, note='Measured with --granularity=weight.'
)
shared_flags.define('eval_metric_loss')
shared_flags.define('target_params', note='A zero does not count as one.')
shared_flags.define('target_macs', note='Those with a zero do not count.')
shared_flags.define(
  'output_dir', required=True, note='It gets pipeline.config.'
)
shared_flags.define('overwrite', False)
FLAGS = flags.FLAGS


def main(_) -> None:
  paths.files_to_write(
    '--output_dir',
    FLAGS.output_dir,
    [pipeline.FILE_NAME],
    FLAGS.overwrite,
    [FLAGS.pipeline_config_path, FLAGS.sensitivities],
  )
  target = selection.target_from(
    {
      name: FLAGS[name].value
      for name in selection.TARGETS
      if FLAGS[name].value is not None
    }
  )
  found = results_file.load(FLAGS.sensitivities)
  if found.doubt():
    project_log.say(f'warning: {found.doubt()}')
  config = pipeline.load(FLAGS.pipeline_config_path)
  choice = selection.choose(found, target)
  result = choice_plans.sparsity_map(config, found, choice, FLAGS.sensitivities)
  path = pipeline.save(result.config, FLAGS.output_dir)
  for layer, sparsity in result.sparsities.items():
    note = '  not measured: as in the config' if layer in result.kept else ''
    print(f'{sparsity:.3f}  {layer}{note}')
  print(f'sparsity of all of them: {result.sparsity:.3f}; {path}')


if __name__ == '__main__':
  command.run(main)
