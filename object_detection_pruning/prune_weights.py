"""Prunes a trained detector from photos, untrained.

It needs unlabelled photos alone, and takes minutes on a CPU.

Example:
  odp prune_weights --model=exported/frozen_inference_graph.pb \\
    --images=photos --sparsity=0.6 --output_dir=pruned
"""

import os
from typing import Any, Optional

from absl import flags

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import retraining
from object_detection_pruning.common import (
  checkpoints,
  checks,
  command,
  errors,
  paths,
)
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.core import choices, criteria, vocabulary
from object_detection_pruning.core import granularity as core_granularity
from object_detection_pruning.evaluation import eval_set
from object_detection_pruning.reconstruction import (
  allocation,
  at_once,
  granularity,
  job,
  loss_bound,
  outputs,
  photos,
  refinement,
)
from object_detection_pruning.reconstruction import request as requests
from object_detection_pruning.sparse_ops import exporting, library

_LEAST_SQUARES = 'least_squares'
_NONE = 'none'

shared_flags.define('model', note='Here only a frozen graph (.pb).')
shared_flags.define('pipeline_config_path', note='With --checkpoint.')
shared_flags.define('checkpoint')
shared_flags.define(
  'images',
  note='Here with subfolders, and TFRecord files too; labels are not read. '
  'Not set: pictures are made up, which costs accuracy.',
)
shared_flags.define('num_images', 128)
flags.DEFINE_bool(
  'mirror',
  False,
  'Look at the mirror image of each picture as well: more zeros cost less, and '
  'it takes twice as long. Not for detectors of text and the like.',
)
shared_flags.define(
  'sparsity', note='Not needed where --granularity sets it, as 2:4 does.'
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
shared_flags.define(
  'metric',
  note=f'With --max_loss. Not set: {loss_bound.METRICS[0]}.',
  enum_values=loss_bound.METRICS,
)
flags.DEFINE_enum(
  'target',
  requests.WEIGHTS,
  requests.TARGETS,
  'What --sparsity is a share of, in the layers that are pruned: weights, '
  'multiply-adds, or their time in the sparse graph on one thread of this '
  'machine.',
)
shared_flags.define(
  'allocation',
  note=f'{choices.help_text(allocation.ALLOCATIONS)}. Not set: least_cost, or '
  'uniform where --granularity sets the sparsity.',
)
shared_flags.define(
  'granularity',
  vocabulary.Weight.form,
  f'{choices.help_text(granularity.GRANULARITIES)}.',
)
flags.DEFINE_enum(
  'reconstruction',
  _LEAST_SQUARES,
  (_LEAST_SQUARES, _NONE),
  f'{_LEAST_SQUARES}: each layer is fitted to what it gave before, on the '
  f'photos. {_NONE}: what scores least is cut off and nothing else; it needs '
  'no photos, and most detectors need training after it. --criterion, '
  '--granularity and --allocation are those of model_main then.',
)
shared_flags.define(
  'criterion',
  note=f'magnitude or random, with --reconstruction={_NONE}. Not set: '
  'magnitude.',
)
shared_flags.define('include', [])
shared_flags.define('exclude', [])
flags.DEFINE_integer(
  'refine_steps',
  0,
  'Steps in which the pruned network learns from the dense one on the photos.',
)
flags.DEFINE_integer('refine_batch_size', 8, 'Photos in each of these steps.')
shared_flags.define(
  'dry_run', False, 'It is the zeros of each layer, and may take minutes.'
)
shared_flags.define('sparse_ops', False)
shared_flags.define('output_dir', required=True)
shared_flags.define('overwrite', False)
FLAGS = flags.FLAGS

# Flags that mean nothing without photos.
_OF_RECONSTRUCTION = (
  *('images', 'num_images', 'mirror', 'max_loss', 'eval_record'),
  *('label_map_path', 'num_examples', 'metric', 'target', 'refine_steps'),
  'refine_batch_size',
)


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
  pattern = granularity.find(FLAGS.granularity, '--granularity')
  sparsity, default = FLAGS.sparsity, vocabulary.LeastCost
  if pattern.fixed_sparsity is not None:
    default = vocabulary.Uniform
    for name, unset in (('max_loss', None), ('target', requests.WEIGHTS)):
      if FLAGS[name].value != unset:
        raise errors.InputError(
          f'--granularity={pattern} sets the sparsity: leave --{name} out'
        )
    if sparsity is None:
      sparsity = pattern.fixed_sparsity
  elif (sparsity is None) == (FLAGS.max_loss is None):
    raise errors.InputError('give one of --sparsity and --max_loss')
  if sparsity is None:
    # Each run of the search has its own.
    sparsity = 0.5
  checks.sparsity('--sparsity', sparsity)
  way = allocation.find(FLAGS.allocation or default.form, '--allocation')
  return requests.Request(
    sparsity=pattern.check_target('--sparsity', sparsity),
    target=FLAGS.target,
    allocation=str(way),
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


def cut_request() -> at_once.Request:
  """Turns the flags into a request without photos, or raises `InputError`."""
  for name in _OF_RECONSTRUCTION:
    if FLAGS[name].value != FLAGS[name].default:
      raise errors.InputError(
        f'--{name} goes with --reconstruction={_LEAST_SQUARES}'
      )
  pattern = core_granularity.find(FLAGS.granularity)
  sparsity = FLAGS.sparsity
  if sparsity is None:
    sparsity = pattern.fixed_sparsity
  if sparsity is None:
    raise errors.InputError('give --sparsity')
  checks.sparsity('--sparsity', sparsity)
  return at_once.Request(
    sparsity=pattern.check_target('--sparsity', sparsity),
    criterion=FLAGS.criterion or criteria.Magnitude.form,
    granularity=FLAGS.granularity,
    allocation=FLAGS.allocation or vocabulary.Uniform.form,
    include=FLAGS.include,
    exclude=FLAGS.exclude,
  ).check()


def check_output(dense: job.Source, goes_on: bool) -> None:
  """Refuses a folder that cannot be written, before any work."""
  more = [exporting.SPARSE_GRAPH, exporting.SAVED_MODEL]
  job.check_output(
    dense,
    FLAGS.output_dir,
    more if FLAGS.sparse_ops else [],
    FLAGS.overwrite,
    goes_on,
    FLAGS.pipeline_config_path,
  )
  if FLAGS.sparse_ops:
    # It is compiled on first use, which must not fail after all the work.
    library.load()


def main(_) -> None:
  at_once_only = FLAGS.reconstruction == _NONE
  wanted = cut_request() if at_once_only else request()
  if not at_once_only and FLAGS.criterion is not None:
    raise errors.InputError(f'--criterion goes with --reconstruction={_NONE}')
  checks.step('--refine_steps', FLAGS.refine_steps)
  checks.count('--refine_batch_size', FLAGS.refine_batch_size)
  checks.count('--num_images', FLAGS.num_images)
  dense = source()
  if not FLAGS.dry_run:
    check_output(dense, not at_once_only)
  if not at_once_only:
    reconstruct(dense, wanted)
  elif FLAGS.dry_run:
    print(job.cut(dense, wanted, None))
  else:
    finish(job.cut(dense, wanted, FLAGS.output_dir))


def finish(found: Any) -> None:
  """Prints what came of it, and writes the sparse graph if it is wanted."""
  print(found)
  graph, sparse = (
    os.path.join(FLAGS.output_dir, name)
    for name in (outputs.FROZEN_GRAPH, exporting.SPARSE_GRAPH)
  )
  print(f'wrote {graph}')
  if FLAGS.sparse_ops:
    image = photos.read(FLAGS.images, 1).images[0] if FLAGS.images else None
    print(exporting.export(graph, sparse, image=image, overwrite=True))
  else:
    paths.warn_of_older(sparse, '--sparse_ops')
  if FLAGS.checkpoint:
    print(retraining.next_command(FLAGS.output_dir))


def reconstruct(dense: job.Source, wanted: requests.Request) -> None:
  """Prunes from photos and prints what came of it, or what would."""
  may_lose = bound()
  if may_lose and FLAGS.dry_run:
    raise errors.InputError(
      '--max_loss finds its sparsity by pruning, so --dry_run has no plan to '
      'print'
    )
  if may_lose and dense.graph:
    may_lose.eval_set.check_model(dense.graph)
  given = None
  if FLAGS.images is not None:
    given = photos.read(FLAGS.images, FLAGS.num_images, dense.photo_size())

  def pictures() -> photos.Photos:
    found = given or photos.generated(FLAGS.num_images)
    return photos.with_mirror_images(found) if FLAGS.mirror else found

  learning = refinement.Setting(FLAGS.refine_steps, FLAGS.refine_batch_size)
  with job.Job(dense, pictures, wanted, learning) as run:
    if FLAGS.dry_run:
      print(run.plan())
    elif may_lose is None:
      run.run(FLAGS.output_dir, finish=finish)
    else:
      trials = loss_bound.search(run, may_lose, FLAGS.output_dir, finish)
      if trials.chosen is None:
        print(trials)
        raise errors.InputError(trials.none_within())


if __name__ == '__main__':
  command.run(main, goes_on=True)
