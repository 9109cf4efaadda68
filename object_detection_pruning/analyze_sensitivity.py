"""Measures what accuracy is lost as each layer alone is pruned."""

from absl import flags

from object_detection_pruning.common import (
  checks,
  command,
  errors,
  progress,
  sessions,
)
from object_detection_pruning.evaluation import evaluator
from object_detection_pruning.sensitivity import (
  analysis,
  prunables,
  results_file,
)
from object_detection_pruning.sensitivity import request as request_lib

flags.DEFINE_string('pipeline_config_path', None, 'Path to pipeline config.')
flags.DEFINE_string(
  'checkpoint', None, 'Prefix of the checkpoint, or a folder with checkpoints.'
)
flags.DEFINE_string(
  'output', None, 'JSON file to write; one that is there is gone on with.'
)
flags.DEFINE_string(
  'granularity',
  prunables.FILTER,
  f'What is taken from a layer: {" or ".join(prunables.GRANULARITIES)}.',
)
flags.DEFINE_list(
  'ratios', [str(r) for r in request_lib.RATIOS], 'Shares that go, in (0, 1).'
)
flags.DEFINE_string(
  'metric', evaluator.METRICS[0], f'One of {", ".join(evaluator.METRICS)}.'
)
flags.DEFINE_string(
  'importance',
  'l1',
  f'How channels are compared: one of {", ".join(prunables.IMPORTANCES)}.',
)
flags.DEFINE_integer(
  'num_examples', None, 'Evaluation images to use; all if not set.'
)
flags.DEFINE_integer(
  'recalibrate', 0, 'Training batches to set batch norm from at each point.'
)
flags.DEFINE_multi_string(
  'include', [], 'Pattern of layers to analyse; all if none is given.'
)
flags.DEFINE_multi_string('exclude', [], 'Pattern of layers to leave out.')
flags.DEFINE_string('shard', '1/1', 'I/N: measure the I-th of N parts.')
flags.DEFINE_integer('workers', 1, 'Processes to share the points among.')
flags.DEFINE_integer(
  'cache_megabytes',
  2048,
  'Most memory, for each worker, for the activations before a layer.',
)
flags.DEFINE_multi_string(
  'merge', [], 'Files to join into --output, in place of measuring.'
)
flags.mark_flag_as_required('output')
FLAGS = flags.FLAGS


def request() -> request_lib.Request:
  """Turns the flags into a request, or raises `InputError`."""
  for name in ('pipeline_config_path', 'checkpoint'):
    if not FLAGS[name].value:
      raise errors.InputError(f'--{name} is needed, or --merge')
  return request_lib.Request(
    FLAGS.pipeline_config_path,
    FLAGS.checkpoint,
    FLAGS.output,
    granularity=FLAGS.granularity,
    ratios=[_number(text) for text in FLAGS.ratios],
    metric=FLAGS.metric,
    importance=FLAGS.importance,
    num_examples=FLAGS.num_examples,
    recalibrate=FLAGS.recalibrate,
    include=FLAGS.include,
    exclude=FLAGS.exclude,
    shard=_shard(FLAGS.shard),
    cache_megabytes=FLAGS.cache_megabytes,
  ).check()


def main(_) -> None:
  if FLAGS.merge:
    found = results_file.merge(FLAGS.merge)
    results_file.save(found, FLAGS.output)
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
  print(f'{points} points of {len(found.measured)} layers: {FLAGS.output}')


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
  command.run(main)
