"""Chooses layer sparsities for a pipeline config.

The choice follows from a file of analyze_sensitivity --granularity=weight.

Example:
  odp allocate_sparsity --pipeline_config_path=trained/pipeline.config \\
    --sensitivities=weights.json --eval_metric_loss=0.02 --output_dir=sparse
"""

from typing import List, Optional

from absl import flags

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import (
  command,
  errors,
  paths,
  project_log,
)
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.sensitivity import (
  choice_plans,
  results,
  results_file,
  selection,
)

shared_flags.define('pipeline_config_path', required=True)
shared_flags.define(
  'sensitivities', required=True, note='Measured with --granularity=weight.'
)
shared_flags.define('eval_metric_loss')
shared_flags.define(
  'sparsity',
  note='Of the masked layers that were measured, in sum, and exactly.',
)
shared_flags.define('target_params', note='A zero does not count as one.')
shared_flags.define('target_macs', note='Those with a zero do not count.')
shared_flags.define('output_dir', note='It gets pipeline.config.')
shared_flags.define('overwrite', False)
shared_flags.define('dry_run', False)
FLAGS = flags.FLAGS


def main(_) -> None:
  if not FLAGS.output_dir and not FLAGS.dry_run:
    raise errors.InputError('--output_dir is needed, or --dry_run')
  if not FLAGS.dry_run:
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
      for name in selection.TARGETS_OF_WEIGHTS
      if FLAGS[name].value is not None
    },
    selection.TARGETS_OF_WEIGHTS,
  )
  found = results_file.load(FLAGS.sensitivities)
  if found.doubt():
    project_log.say(f'warning: {found.doubt()}')
  result = allocated(found, target)
  lines = table(result)
  if not FLAGS.dry_run:
    lines[-1] += f'; {pipeline.save(result.config, FLAGS.output_dir)}'
  print('\n'.join(lines))


def allocated(
  found: results.Results, target: selection.Target
) -> choice_plans.SparsityMap:
  """Chooses, and puts the choice into the config."""
  config = pipeline.load(FLAGS.pipeline_config_path)
  choice_plans.check_weights(config, found, FLAGS.sensitivities)
  names: Optional[List[str]] = None
  is_total = target.sparsity is not None
  if is_total:
    # What is not masked has no zeros that count.
    names = choice_plans.masked_layers(config)
  choice = selection.choose(found, target, names)
  return choice_plans.sparsity_map(
    config, found, choice, FLAGS.sensitivities, takes_all=is_total
  )


def table(result: choice_plans.SparsityMap) -> List[str]:
  """Lists the layers, and what they have in sum."""
  lines = []
  for layer, sparsity in result.sparsities.items():
    note = '  not measured: as in the config' if layer in result.kept else ''
    lines.append(f'{sparsity:.3f}  {layer}{note}')
  zeros, size = result.measured_zeros
  lines.append(f'zeros in the measured layers: {zeros:,} of {size:,} weights')
  lines.append(f'sparsity of all of them: {result.sparsity:.3f}')
  return lines


if __name__ == '__main__':
  command.run(main)
