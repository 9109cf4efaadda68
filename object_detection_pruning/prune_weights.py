"""Prunes a trained detector from photos, untrained.

It needs unlabelled photos alone, and takes minutes on a CPU.

Example:
  odp prune_weights --model=exported/frozen_inference_graph.pb \\
    --images=photos --sparsity=0.6 --output_dir=pruned
"""

import os
from typing import Optional

from absl import flags

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import (
  checkpoints,
  checks,
  command,
  errors,
  paths,
)
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.evaluation import eval_set
from object_detection_pruning.reconstruction import (
  allocation,
  granularity,
  job,
  loss_bound,
  outputs,
  photos,
  refinement,
)
from object_detection_pruning.reconstruction import request as requests
from object_detection_pruning.sparse_ops import exporting, library

shared_flags.define('model', note='Here only a frozen graph (.pb).')
shared_flags.define('pipeline_config_path', note='With --checkpoint.')
shared_flags.define('checkpoint')
flags.DEFINE_string(
  'images',
  None,
  'Folder of photos, or TFRecord files (a pattern); labels are not looked at. '
  'Not set: pictures are made up, which costs accuracy.',
)
flags.DEFINE_integer('num_images', 128, 'Most photos to look at.')
flags.DEFINE_float(
  'sparsity',
  None,
  'Share that goes of the weights of all pruned kernels together, in [0, 1).',
)
flags.DEFINE_float(
  'max_loss',
  None,
  'In place of --sparsity: the sparsest model is looked for that loses at most '
  'this share of its accuracy on labelled data, 0.01 for 1 %.',
)
shared_flags.define('eval_record', note='With --max_loss.')
shared_flags.define(
  'label_map_path', note='That of the evaluation files, with --max_loss.'
)
shared_flags.define('num_examples', note='With --max_loss.')
flags.DEFINE_enum(
  'metric',
  None,
  loss_bound.METRICS,
  'What counts as accuracy, with --max_loss. Not set: '
  f'{loss_bound.METRICS[0]}.',
)
flags.DEFINE_enum(
  'target',
  requests.WEIGHTS,
  requests.TARGETS,
  'What --sparsity is a share of: weights, or multiply-adds.',
)
flags.DEFINE_enum(
  'allocation',
  None,
  allocation.METHODS,
  'How zeros are spread over layers: the same share, the same error, or the '
  'least cost at the outputs of the detector. Not set: least_cost where the '
  'granularity leaves a choice.',
)
flags.DEFINE_string(
  'granularity', granularity.WEIGHT, f'One of {granularity.ALLOWED}.'
)
shared_flags.define('include', [])
shared_flags.define('exclude', [])
flags.DEFINE_integer(
  'refine_steps',
  0,
  'Steps in which the pruned network learns from the dense one on the photos.',
)
flags.DEFINE_integer('refine_batch_size', 8, 'Photos in each of these steps.')
flags.DEFINE_boolean(
  'sparse_ops', False, 'Also write a graph whose convolutions skip the zeros.'
)
shared_flags.define('output_dir', required=True)
FLAGS = flags.FLAGS


def source() -> job.Source:
  """Turns the flags into the dense model, or raises `InputError`."""
  from_checkpoint = FLAGS.pipeline_config_path or FLAGS.checkpoint
  if bool(FLAGS.model) == bool(from_checkpoint):
    raise errors.InputError(
      'give either --model, or --pipeline_config_path and --checkpoint'
    )
  if FLAGS.model:
    return job.Source(graph=paths.file_to_read('--model', FLAGS.model))
  if not FLAGS.pipeline_config_path or not FLAGS.checkpoint:
    raise errors.InputError(
      '--pipeline_config_path and --checkpoint go together'
    )
  return job.Source(
    config=pipeline.load(FLAGS.pipeline_config_path),
    checkpoint=checkpoints.resolve(FLAGS.checkpoint),
  )


def request() -> requests.Request:
  """Turns the flags into a request, or raises `InputError`."""
  pattern = granularity.parse(FLAGS.granularity)
  method = FLAGS.allocation
  if not pattern.is_free:
    for name in ('sparsity', 'max_loss'):
      if FLAGS[name].value is not None:
        raise errors.InputError(
          f'--granularity={pattern} sets the sparsity: leave --{name} out'
        )
    if FLAGS.target != requests.WEIGHTS:
      raise errors.InputError(
        f'--granularity={pattern} sets the sparsity: leave --target out'
      )
    method = method or allocation.UNIFORM
  elif (FLAGS.sparsity is None) == (FLAGS.max_loss is None):
    raise errors.InputError('give one of --sparsity and --max_loss')
  if FLAGS.sparsity is not None:
    checks.sparsity('--sparsity', FLAGS.sparsity)
  return requests.Request(
    sparsity=0.5 if FLAGS.sparsity is None else FLAGS.sparsity,
    target=FLAGS.target,
    allocation=method or allocation.LEAST_COST,
    granularity=FLAGS.granularity,
    include=FLAGS.include,
    exclude=FLAGS.exclude,
  ).check()


def bound() -> Optional[loss_bound.Bound]:
  """Turns the flags on accuracy into a bound, or raises `InputError`."""
  if FLAGS.max_loss is None:
    for name in ('eval_record', 'label_map_path', 'num_examples', 'metric'):
      if FLAGS[name].value is not None:
        raise errors.InputError(f'--{name} goes with --max_loss')
    return None
  checks.sparsity('--max_loss', FLAGS.max_loss)
  if FLAGS.num_examples is not None:
    checks.count('--num_examples', FLAGS.num_examples)
  records, label_map = eval_set.find(
    FLAGS.eval_record, FLAGS.label_map_path, FLAGS.pipeline_config_path
  )
  return loss_bound.Bound(
    FLAGS.max_loss,
    FLAGS.metric or loss_bound.METRICS[0],
    eval_set.load(records, label_map, FLAGS.num_examples),
  )


def main(_) -> None:
  wanted = request()
  checks.step('--refine_steps', FLAGS.refine_steps)
  checks.count('--refine_batch_size', FLAGS.refine_batch_size)
  checks.count('--num_images', FLAGS.num_images)
  paths.folder_to_write('--output_dir', FLAGS.output_dir)
  dense = source()
  job.check_folder(dense, FLAGS.output_dir)
  may_lose = bound()
  if may_lose and dense.graph:
    may_lose.eval_set.check_model(dense.graph)
  if FLAGS.sparse_ops:
    # It is compiled on first use, which must not fail after all the work.
    library.load()
  if FLAGS.images is None:
    pictures = photos.generated(FLAGS.num_images)
  else:
    pictures = photos.read(FLAGS.images, FLAGS.num_images)
  learning = refinement.Setting(FLAGS.refine_steps, FLAGS.refine_batch_size)
  with job.Job(dense, pictures, wanted, learning) as run:
    print(_pruned(run, may_lose))
  graph = os.path.join(FLAGS.output_dir, outputs.FROZEN_GRAPH)
  print(f'wrote {graph}')
  if FLAGS.sparse_ops:
    sparse = os.path.join(FLAGS.output_dir, exporting.SPARSE_GRAPH)
    print(exporting.export(graph, sparse, overwrite=True))


def _pruned(run: job.Job, may_lose: Optional[loss_bound.Bound]):
  """Prunes, and gives what to print of it."""
  if may_lose is None:
    return run.run(FLAGS.output_dir)
  trials = loss_bound.search(run, may_lose, FLAGS.output_dir)
  if trials.chosen is None:
    print(trials)
    raise errors.InputError(trials.none_within())
  return trials


if __name__ == '__main__':
  command.run(main)
