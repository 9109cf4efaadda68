"""Prunes each layer alone and measures the loss.

The file is complete after every point, and the same command goes on with it.

Example:
  odp analyze_sensitivity --pipeline_config_path=trained/pipeline.config \\
    --checkpoint=trained --num_examples=200 --recalibrate_batch_norm=4 \\
    --output_path=sensitivity.json
"""

from absl import flags

from object_detection_pruning.common import (
  checks,
  command,
  errors,
  paths,
  progress,
  sessions,
)
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.evaluation import evaluator
from object_detection_pruning.sensitivity import (
  analysis,
  prunables,
  results_file,
)
from object_detection_pruning.sensitivity import request as request_lib

shared_flags.define('pipeline_config_path')
shared_flags.define('checkpoint')
shared_flags.define(
  'output_path', required=True, note='JSON; one that is there is continued.'
)
shared_flags.define(
  'granularity',
  prunables.FILTER,
  'filter: the weakest channels of a group go; weight: the smallest weights of '
  'a layer.',
)
flags.DEFINE_list(
  'ratios',
  [str(r) for r in request_lib.RATIOS],
  'Shares to take, each in (0, 1).',
)
shared_flags.define(
  'metric', evaluator.METRICS[0], enum_values=evaluator.METRICS
)
shared_flags.define(
  'importance',
  'l1',
  'With --granularity=filter.',
  enum_values=prunables.IMPORTANCES,
)
shared_flags.define('num_examples')
shared_flags.define(
  'recalibrate_batch_norm', 0, note='At each point; 0: left as they are.'
)
shared_flags.define('include', [])
shared_flags.define('exclude', [])
flags.DEFINE_string('shard', '1/1', 'I/N: measure the I-th of N parts.')
flags.DEFINE_integer('workers', 1, 'Processes to share the points among.')
flags.DEFINE_integer(
  'cache_megabytes',
  2048,
  'Most memory, for each worker, for the activations before a layer.',
)
flags.DEFINE_multi_string(
  'merge', [], 'Files to join into --output_path, in place of measuring.'
)
shared_flags.define('overwrite', False, 'Only with --merge.')
FLAGS = flags.FLAGS


def request() -> request_lib.Request:
  """Turns the flags into a request, or raises `InputError`."""
  for name in ('pipeline_config_path', 'checkpoint'):
    if not FLAGS[name].value:
      raise errors.InputError(f'--{name} is needed, or --merge')
  prunables.check_granularity(FLAGS.granularity, '--granularity')
  return request_lib.Request(
    FLAGS.pipeline_config_path,
    FLAGS.checkpoint,
    FLAGS.output_path,
    granularity=FLAGS.granularity,
    ratios=[_number(text) for text in FLAGS.ratios],
    metric=FLAGS.metric,
    importance=FLAGS.importance,
    num_examples=FLAGS.num_examples,
    recalibrate=FLAGS.recalibrate_batch_norm,
    include=FLAGS.include,
    exclude=FLAGS.exclude,
    shard=_shard(FLAGS.shard),
    cache_megabytes=FLAGS.cache_megabytes,
  ).check()


def main(_) -> None:
  if FLAGS.merge:
    paths.refuse_inputs(FLAGS.output_path, *FLAGS.merge)
    paths.refuse_existing(FLAGS.output_path, overwrite=FLAGS.overwrite)
    found = results_file.merge(FLAGS.merge)
    results_file.save(found, FLAGS.output_path)
  else:
    wanted = request()
    checks.count('--workers', FLAGS.workers)
    # Figures must not depend on the number of threads within an op.
    is_sized = sessions.size_pools(1, sessions.cores())
    prepared = request_lib.prepare(wanted)
    done = len(prepared.todo) - len(prepared.missing)
    if done:
      print(f'{done} of {len(prepared.todo)} points are there already')
    if FLAGS.workers > 1 or not is_sized:
      found = analysis.run_in_workers(prepared, FLAGS.workers)
    else:
      found = analysis.run(
        prepared, lambda points: progress.over(points, 'analyse')
      )
  points = sum(len(layer.points) for layer in found.layers)
  metric = found.setup.metric
  print(f'{metric} of the unpruned model: {found.baseline[metric]:.4f}')
  if found.doubt():
    print(f'warning: {found.doubt()}')
  print(f'{points} points of {len(found.measured)} layers: {FLAGS.output_path}')


def _number(text: str) -> float:
  try:
    return float(text)
  except ValueError:
    raise errors.InputError(f'--ratios must be numbers, got {text!r}')


def _shard(text: str):
  number, _, count = text.partition('/')
  if not (number.isdigit() and count.isdigit()):
    raise errors.InputError(f'--shard must be I/N, 1/4 for one, got {text!r}')
  return int(number), int(count)


if __name__ == '__main__':
  command.run(main, goes_on=True)
