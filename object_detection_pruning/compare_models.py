"""Compares accuracy, size and speed of several models.

Writes one table and one page. Ratios are to the first model.

Example:
  odp compare_models \\
    --models=dense=a/frozen_inference_graph.pb,pruned=b/saved_model \\
    --eval_record=val.record --label_map_path=label_map.pbtxt \\
    --output_dir=compared
"""

import os
from typing import Dict, List

from absl import flags

from object_detection_pruning.common import checks, command, errors, paths
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.comparison import comparison_report
from object_detection_pruning.evaluation import eval_set

flags.DEFINE_list(
  'models',
  None,
  'Exported models of any kind (see --model of detect), separated by commas; '
  'each may have a name before it: NAME=PATH.',
)
flags.mark_flag_as_required('models')
shared_flags.define('eval_record')
shared_flags.define('label_map_path', note='That of the evaluation files.')
shared_flags.define(
  'pipeline_config_path',
  note='Gives the evaluation files and the label map where those are not set.',
)
shared_flags.define(
  'output_dir', required=True, note='It gets comparison.md, .csv, .json, .html.'
)
shared_flags.define('overwrite', False)
shared_flags.define('num_examples')
flags.DEFINE_integer('rounds', 30, 'How often each model is timed.')
shared_flags.define('min_score', 0.5, note='Only for the pictures.')
FLAGS = flags.FLAGS


def main(_) -> None:
  paths.files_to_write(
    '--output_dir',
    FLAGS.output_dir,
    comparison_report.FILE_NAMES,
    FLAGS.overwrite,
  )
  checks.count('--rounds', FLAGS.rounds)
  if FLAGS.num_examples is not None:
    checks.count('--num_examples', FLAGS.num_examples)
  if not 0 <= FLAGS.min_score <= 1:
    raise errors.InputError(
      f'--min_score must be in [0, 1], got {FLAGS.min_score}'
    )
  models = parse_models(FLAGS.models)
  records, label_map = eval_set.find(
    FLAGS.eval_record, FLAGS.label_map_path, FLAGS.pipeline_config_path
  )
  comparison = comparison_report.compare(
    models,
    comparison_report.Settings(
      records,
      label_map,
      FLAGS.num_examples,
      FLAGS.rounds,
      min_score=FLAGS.min_score,
    ),
  )
  comparison.write(FLAGS.output_dir)
  print(comparison.table.markdown())
  print(os.path.join(FLAGS.output_dir, 'comparison.html'))


def parse_models(entries: List[str]) -> Dict[str, str]:
  """Gives the path of each model by its name.

  Args:
    entries: 'name=path' or 'path', which is then its name too.

  Raises:
    InputError: there is none, or a name comes twice.
  """
  models: Dict[str, str] = {}
  for entry in entries:
    name, equals, path = entry.partition('=')
    if not equals:
      path = name
    if not name or not path:
      raise errors.InputError(
        f'--models takes NAME=PATH or PATH, got {entry!r}'
      )
    if name in models:
      raise errors.InputError(f'--models has {name!r} twice')
    models[name] = path
  if not models:
    raise errors.InputError('--models must name at least one model')
  return models


if __name__ == '__main__':
  command.run(main)
