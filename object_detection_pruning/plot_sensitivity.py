"""Draws what an analysis measured, and writes a report of one page."""

import os

from absl import flags

from object_detection_pruning.channels import selection as channel_selection
from object_detection_pruning.common import command, paths
from object_detection_pruning.sensitivity import (
  plots,
  report,
  results_file,
  selection,
)

_DEFAULT_LOSS = 0.05

flags.DEFINE_string('input', None, 'JSON file of analyze_sensitivity.')
flags.DEFINE_string(
  'output_dir', None, 'Folder for the pictures and report.html.'
)
flags.DEFINE_float(
  'eval_metric_loss',
  None,
  'Choice to mark: most that each layer alone may lose, as a share of the '
  f'metric. Not set: {_DEFAULT_LOSS}, unless there is a target.',
)
flags.DEFINE_float(
  'target_macs', None, 'Choice to mark: share of the multiply-adds left.'
)
flags.DEFINE_float(
  'target_params', None, 'Choice to mark: share of the parameters left.'
)
flags.DEFINE_integer('round_to', 1, 'Channels are kept in multiples of this.')
flags.DEFINE_string(
  'measured',
  None,
  'comparison.json of compare_models, to stand beside what was promised.',
)
flags.mark_flags_as_required(['input', 'output_dir'])
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
  wanted = target()
  paths.folder_to_write('--output_dir', FLAGS.output_dir)
  found = results_file.load(FLAGS.input)
  measured = report.read_measured(FLAGS.measured) if FLAGS.measured else []
  choice = selection.choose(found, wanted)
  os.makedirs(FLAGS.output_dir, exist_ok=True)
  pictures = plots.draw(found, choice, wanted)
  for picture in pictures:
    picture.save(FLAGS.output_dir)
  path = os.path.join(FLAGS.output_dir, report.FILE_NAME)
  report.write(path, found, choice, wanted, pictures, measured)
  dense, left = choice.dense_cost, choice.cost
  print(
    f'chosen: {left.params / dense.params:.1%} of the parameters and '
    f'{left.macs / dense.macs:.1%} of the MACs left, losses in sum '
    f'{choice.summed_loss:.3f}'
  )
  print(f'pictures and {report.FILE_NAME} are in {FLAGS.output_dir}')


if __name__ == '__main__':
  command.run(main)
