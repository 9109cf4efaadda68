"""Draws the result of analyze_sensitivity.

Writes pictures and a report of one page.

Example:
  odp plot_sensitivity --sensitivities=sensitivity.json --output_dir=plots
"""

import os

from absl import flags

from object_detection_pruning.channels import selection as channel_selection
from object_detection_pruning.common import command, paths
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.sensitivity import (
  plots,
  report,
  results_file,
  selection,
)

_DEFAULT_LOSS = 0.05

shared_flags.define('sensitivities', required=True)
shared_flags.define('output_dir', required=True)
shared_flags.define(
  'eval_metric_loss',
  note='The choice that it makes is marked. Not set: '
  f'{_DEFAULT_LOSS}, unless there is a target.',
)
shared_flags.define('target_macs', note='The choice that it makes is marked.')
shared_flags.define('target_params', note='The choice that it makes is marked.')
shared_flags.define('round_to', 1)
shared_flags.define('overwrite', False)
flags.DEFINE_string(
  'measured',
  None,
  'comparison.json of compare_models, shown beside what was predicted.',
)
FLAGS = flags.FLAGS


def target() -> selection.Target:
  """Turns the flags into a target, or raises `InputError`."""
  given = {
    name: FLAGS[name].value
    for name in selection.TARGETS
    if FLAGS[name].value is not None
  }
  return selection.target_from(
    given or {'eval_metric_loss': _DEFAULT_LOSS},
    bounds=channel_selection.Bounds(FLAGS.round_to).check(),
  )


def main(_) -> None:
  folder, overwrite = FLAGS.output_dir, FLAGS.overwrite
  paths.files_to_write('--output_dir', folder, [report.FILE_NAME], overwrite)
  wanted = target()
  found = results_file.load(FLAGS.sensitivities)
  measured = report.read_measured(FLAGS.measured) if FLAGS.measured else []
  choice = selection.choose(found, wanted)
  pictures = plots.draw(found, choice, wanted)
  names = [name for picture in pictures for name in picture.file_names]
  paths.files_to_write('--output_dir', folder, names, overwrite)
  os.makedirs(folder, exist_ok=True)
  for picture in pictures:
    picture.save(folder)
  path = os.path.join(folder, report.FILE_NAME)
  report.write(path, found, choice, wanted, pictures, measured)
  dense, left = choice.dense_cost, choice.cost
  print(
    f'chosen: {left.params / dense.params:.1%} of the parameters and '
    f'{left.macs / dense.macs:.1%} of the MACs left, losses in sum '
    f'{choice.summed_loss:.3f}'
  )
  if found.doubt():
    print(f'warning: {found.doubt()}')
  print(f'pictures and {report.FILE_NAME} are in {folder}')


if __name__ == '__main__':
  command.run(main)
