"""Removes whole channels from a trained detector.

Example:
  odp prune_channels --pipeline_config_path=trained/pipeline.config \\
    --checkpoint=trained --target_macs=0.5 --importance=fpgm --round_to=8 \\
    --output_dir=narrow
"""

import contextlib
import os
from typing import Dict, FrozenSet, Optional

from absl import flags
from object_detection.protos import pipeline_pb2

from object_detection_pruning.batch_norm import recalibration
from object_detection_pruning.builders import input_checks, pipeline
from object_detection_pruning.channels import (
  importance,
  pruning,
  retraining,
  selection,
  surgery,
)
from object_detection_pruning.channels import plan as plans
from object_detection_pruning.common import (
  checkpoints,
  checks,
  command,
  errors,
  finite,
  project_log,
)
from object_detection_pruning.common import flags as shared_flags
from object_detection_pruning.core import (
  criteria,
  layer_patterns,
  moving_averages,
)
from object_detection_pruning.reconstruction import (
  channel_cost,
  channel_refit,
  photo_size,
  photos,
)
from object_detection_pruning.reconstruction import (
  pruning as reconstruction_pruning,
)
from object_detection_pruning.sensitivity import (
  choice_plans,
  results,
  results_file,
)
from object_detection_pruning.sensitivity import (
  selection as sensitivity_selection,
)

_DEFAULT_BATCHES = 100

shared_flags.define('pipeline_config_path', required=True)
shared_flags.define('checkpoint', required=True)
flags.DEFINE_float(
  'ratio', None, 'Share of the channels of each group to remove, in (0, 1).'
)
flags.DEFINE_string(
  'ratios_path', None, 'JSON file: an object of layer pattern to ratio.'
)
# This name is a list of numbers in analyze_sensitivity.
flags.DEFINE_alias('ratios', 'ratios_path')
shared_flags.define('target_params')
shared_flags.define('target_macs')
flags.DEFINE_float(
  'target_latency',
  None,
  'Share of the latency to keep, in (0, 1); measured here, on one thread.',
)
shared_flags.define(
  'sensitivities',
  note='With --eval_metric_loss, --target_macs or --target_params.',
)
shared_flags.define('eval_metric_loss')
shared_flags.define(
  'importance',
  'l1',
  enum_values=importance.METHODS + (channel_cost.Reconstruction.form,),
  note='reconstruction: by what their removal costs once the kernels that read '
  'them are refitted, which needs --reconstruct.',
)
flags.DEFINE_list(
  'reconstruct',
  [],
  'Photos without labels, as --images of prune_weights takes them: the kernels '
  'that read removed channels are refitted on them to the outputs before.',
)
shared_flags.define('num_images', 128)
flags.DEFINE_boolean(
  'global_ranking',
  False,
  'Rank the channels of all groups together; not set: the same share of each.',
)
flags.DEFINE_integer(
  'taylor_batches', 10, 'Training batches for an importance that needs them.'
)
shared_flags.define('round_to', 1)
flags.DEFINE_integer(
  'min_channels', None, 'Fewest channels that stay in each group.'
)
shared_flags.define('include', [])
shared_flags.define('exclude', [])
shared_flags.define(
  'output_dir', note='It gets model.ckpt, pipeline.config and plan.json.'
)
shared_flags.define('overwrite', False)
shared_flags.define('dry_run', False)
flags.DEFINE_boolean(
  'print_groups', False, 'Print each group and the layers that it ties up.'
)
shared_flags.define(
  'recalibrate_batch_norm',
  note='After the channels are gone; 0: left as they are. Not set: '
  f'{_DEFAULT_BATCHES} where batch norm is trained, and 0 with --reconstruct.',
)
FLAGS = flags.FLAGS


def sensitivity_target() -> sensitivity_selection.Target:
  """Turns the flags that go with --sensitivities into a target, or raises."""
  for name in ('ratio', 'ratios_path', 'target_latency', 'global_ranking'):
    if FLAGS[name].value not in (None, False):
      raise errors.InputError(f'--{name} does not go with --sensitivities')
  return sensitivity_selection.target_from(
    {
      name: FLAGS[name].value
      for name in sensitivity_selection.TARGETS
      if FLAGS[name].value is not None
    },
    bounds=selection.Bounds(FLAGS.round_to, FLAGS.min_channels).check(),
    include=FLAGS.include,
    exclude=FLAGS.exclude,
  )


def request() -> pruning.Request:
  """Turns the flags into a request, or raises `InputError`."""
  if FLAGS.eval_metric_loss is not None:
    raise errors.InputError('--eval_metric_loss needs --sensitivities')
  measures = [
    name
    for name in pruning.MEASURES
    if FLAGS[f'target_{name}'].value is not None
  ]
  given = [f'target_{name}' for name in measures] + [
    name for name in ('ratio', 'ratios_path') if FLAGS[name].value is not None
  ]
  if len(given) != 1:
    raise errors.InputError(
      'give one of --ratio, --ratios_path, --target_params, --target_macs and '
      f'--target_latency, got {len(given)}'
    )
  share: Optional[float] = None
  ratios: Optional[Dict[str, float]] = None
  if given[0] != 'ratios_path':
    share = checks.fraction(f'--{given[0]}', FLAGS[given[0]].value)
  elif FLAGS.global_ranking:
    raise errors.InputError('--global_ranking does not go with --ratios_path')
  else:
    ratios = selection.read_ratios(FLAGS.ratios_path)
  checks.count('--taylor_batches', FLAGS.taylor_batches)
  return pruning.Request(
    ratio=None if measures else share,
    ratios=ratios,
    measure=measures[0] if measures else None,
    share=share if measures else None,
    method=FLAGS.importance,
    ranked=FLAGS.global_ranking,
    bounds=selection.Bounds(FLAGS.round_to, FLAGS.min_channels).check(),
    include=FLAGS.include,
    exclude=FLAGS.exclude,
    num_batches=FLAGS.taylor_batches,
  )


def main(_) -> None:
  measured = None
  if FLAGS.sensitivities:
    wanted = sensitivity_target()
    measured = results_file.load(FLAGS.sensitivities)
    if measured.doubt():
      project_log.say(f'warning: {measured.doubt()}')
    _check_importance(measured)
  else:
    wanted = request()
  _check_flags()
  checkpoint = checkpoints.resolve(FLAGS.checkpoint)
  if FLAGS.output_dir:
    _check_output(checkpoint)
  config = pipeline.load(FLAGS.pipeline_config_path)
  default = 0 if FLAGS.reconstruct else _DEFAULT_BATCHES
  batches = recalibration.batches_for(
    config, 0 if FLAGS.dry_run else FLAGS.recalibrate_batch_norm, default
  )
  _check_training(config, batches)
  pictures = None
  if FLAGS.reconstruct:
    pictures = photos.read(
      FLAGS.reconstruct, FLAGS.num_images, photo_size.of_config(config)
    )
  tensors = checkpoints.read(checkpoint)
  finite.check(checkpoint, moving_averages.evaluated(config, tensors))
  network = pruning.analyze(config)
  with contextlib.ExitStack() as stack:
    detector = None
    if pictures and (_by_reconstruction() or not FLAGS.dry_run):
      detector = stack.enter_context(
        contextlib.closing(
          channel_refit.pruner(config, checkpoint, pictures.images)
        )
      )
    if measured:
      surgery.check_fits(network.shapes, tensors)
      plan = choice_plans.channel_plan(
        network, tensors, measured, wanted, FLAGS.sensitivities
      )
    else:
      criterion = _criterion(network, detector)
      plan = pruning.make_plan(network, tensors, wanted, criterion)
    _print(network, plan)
    if FLAGS.dry_run:
      return
    if detector:
      tensors = channel_refit.refit(detector, config, tensors, plan)
  count = pruning.write(network, tensors, plan, FLAGS.output_dir, batches)
  checkpoints.name_latest(os.path.join(FLAGS.output_dir, pruning.CHECKPOINT))
  if pictures:
    print(f'kernels were refitted on {len(pictures.images)} pictures')
  if count:
    print(f'{count} batch-norm statistics set from {batches} training batches')
  elif FLAGS.recalibrate_batch_norm != 0 and not pictures:
    print('batch norm is frozen, so its statistics stay as they are')
  print(f'narrow checkpoint, config and plan are in {FLAGS.output_dir}')
  print(retraining.next_command(FLAGS.output_dir))


def _check_training(
  config: pipeline_pb2.TrainEvalPipelineConfig, batches: int
) -> None:
  """Checks what training batches are taken from, where some are."""
  needs_data = criteria.TRAINING_DATA in _needs()
  if batches or needs_data:
    input_checks.check_train_config(config.train_config)
  if needs_data:
    input_checks.check_training_data(config)


def _check_flags() -> None:
  """Checks what does not depend on any file, or raises `InputError`."""
  checks.count('--num_images', FLAGS.num_images)
  layer_patterns.check('include', FLAGS.include)
  layer_patterns.check('exclude', FLAGS.exclude)
  if _by_reconstruction():
    for name, is_wrong in (
      ('needs --reconstruct', not FLAGS.reconstruct),
      ('does not go with --sensitivities', FLAGS.sensitivities),
    ):
      if is_wrong:
        raise errors.InputError(f'--importance={FLAGS.importance} {name}')
  if FLAGS.recalibrate_batch_norm is not None:
    checks.step('--recalibrate_batch_norm', FLAGS.recalibrate_batch_norm)
  if not FLAGS.output_dir and not FLAGS.dry_run:
    raise errors.InputError('--output_dir is needed, or --dry_run')


def _check_output(checkpoint: str) -> None:
  pruning.check_output(
    FLAGS.output_dir,
    checkpoint,
    FLAGS.pipeline_config_path,
    FLAGS.overwrite or FLAGS.dry_run,
  )


def _print(network: pruning.Network, plan: plans.Plan) -> None:
  if FLAGS.print_groups:
    for group in network.channels.groups:
      print(group)
  print(plan)


def _needs() -> FrozenSet[str]:
  """What the importance looks at, in words of `criteria`."""
  if _by_reconstruction():
    return frozenset()
  return importance.find(FLAGS.importance).needs


def _by_reconstruction() -> bool:
  return FLAGS.importance == channel_cost.Reconstruction.form


def _criterion(
  network: pruning.Network, detector: Optional[reconstruction_pruning.Pruner]
) -> Optional[channel_cost.Reconstruction]:
  """The criterion that looks at photos, where that is asked for."""
  if not _by_reconstruction():
    return None
  measure = 'params' if FLAGS.target_macs is None else 'macs'
  return channel_cost.Reconstruction(
    detector, lambda group: network.price(group, measure)
  )


def _check_importance(measured: results.Results) -> None:
  ours = measured.setup.importance
  if FLAGS['importance'].present and ours and FLAGS.importance != ours:
    raise errors.InputError(
      f'{FLAGS.sensitivities} was measured with --importance={ours}, not '
      f'{FLAGS.importance}'
    )


if __name__ == '__main__':
  command.run(main)
