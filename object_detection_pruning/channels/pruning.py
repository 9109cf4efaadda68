"""From a config and a checkpoint to a plan, and from a plan to files."""

import contextlib
import os
import tempfile
from typing import Dict, NamedTuple, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection.protos import pipeline_pb2

from object_detection_pruning.batch_norm import recalibration
from object_detection_pruning.builders import inference_graph, pipeline
from object_detection_pruning.channels import (
  criteria,
  groups,
  importance,
  latency,
  macs,
  retraining,
  selection,
  surgery,
)
from object_detection_pruning.channels import plan as plans
from object_detection_pruning.common import checkpoints, checks, paths
from object_detection_pruning.core import moving_averages
from object_detection_pruning.export import stripping

CHECKPOINT = 'model.ckpt'
PLAN = plans.FILE_NAME
MEASURES = ('params', 'macs', 'latency')
# Each measurement builds a network.
_LATENCY_STEPS = 5


class Request(NamedTuple):
  """What is to go.

  Attributes:
    ratio: share of the channels that goes; None where a share of a measure is
      to be left, or there are `ratios`.
    ratios: layer pattern to ratio; groups that no pattern names stay.
    measure: one of `MEASURES`, of which `share` is to be left.
    share: in (0, 1).
    method: importance, one of `importance.METHODS`.
    ranked: whether channels are ranked over all groups, and not within each.
    bounds: what must stay of each group.
    include: patterns of layers.
    exclude: patterns of layers.
    num_batches: training batches for a method that needs training data.
  """

  ratio: Optional[float] = None
  ratios: Optional[Dict[str, float]] = None
  measure: Optional[str] = None
  share: Optional[float] = None
  method: str = 'l1'
  ranked: bool = False
  bounds: selection.Bounds = selection.Bounds()
  include: Sequence[str] = ()
  exclude: Sequence[str] = ()
  num_batches: int = 10


class Network(NamedTuple):
  """A detector whose channels are known.

  Attributes:
    config: its pipeline config.
    channels: its channel groups.
    positions: see `plan.Plan`.
    shapes: of all variables of the inference graph, by name.
    op_counts: see `graph.InferenceGraph`.
  """

  config: pipeline_pb2.TrainEvalPipelineConfig
  channels: groups.Channels
  positions: Dict[str, int]
  shapes: Dict[str, tuple]
  op_counts: Dict[str, int]

  def plan(self, removed: selection.Removed) -> plans.Plan:
    """Gives the plan to remove these channels, unchecked."""
    return plans.Plan(self.channels, self.positions, removed)

  def price(self, group: groups.ChannelGroup, measure: str) -> float:
    """Gives what one channel of a group costs: parameters, or MACs."""
    plan = self.plan({group.name: np.array([0])})
    before, after = plan.dense_cost(), plan.cost()
    return float(getattr(before, measure) - getattr(after, measure))


def analyze(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  picture_size: Optional[Sequence[int]] = None,
) -> Network:
  """Builds a detector for inference and finds its channel groups.

  Args:
    config: its pipeline config.
    picture_size: of the image that multiplications are counted for, see
      `inference_graph.build`.
  """
  built = inference_graph.build(config, picture_size=picture_size)
  channels = groups.find(built.graph, built.exported)
  variables = built.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
  return Network(
    config,
    channels,
    macs.count(built, channels),
    {v.op.name: tuple(v.shape.as_list()) for v in variables},
    built.op_counts(),
  )


def make_plan(
  network: Network,
  tensors: Dict[str, np.ndarray],
  request: Request,
  criterion: Optional[criteria.ChannelCriterion] = None,
) -> plans.Plan:
  """Selects the channels that go.

  Args:
    network: from `analyze`.
    tensors: the checkpoint by name.
    request: what is to go.
    criterion: scores channels in place of that which the request names.

  Raises:
    InputError: the checkpoint does not fit, or the request cannot be met.
  """
  surgery.check_fits(network.shapes, tensors)
  chosen = selection.candidates(
    network.channels, request.include, request.exclude
  )
  ratios = None
  if request.ratios:
    ratios = selection.ratio_of_each(request.ratios, chosen)
    chosen = [group for group in chosen if group.name in ratios]
  criterion = criterion or importance.find(request.method)
  weights = moving_averages.evaluated(network.config, tensors)
  scores = criterion.scores(
    chosen,
    # What a mask has set to zero counts for nothing.
    stripping.strip(weights).tensors,
    criteria.TrainingInput(network.config, tensors, request.num_batches),
  )
  if ratios is not None:
    removed = selection.per_group(scores, ratios, request.bounds)
  elif request.measure:
    removed = _to_target(network, scores, request)
  else:
    checks.fraction('ratio', request.ratio)
    select = selection.ranked if request.ranked else selection.uniform
    removed = select(scores, request.ratio, request.bounds)
  return network.plan(removed).check_removes()


def write(
  network: Network,
  tensors: Dict[str, np.ndarray],
  plan: plans.Plan,
  output_dir: str,
  recalibration_batches: int = 0,
) -> Optional[int]:
  """Writes the narrow checkpoint, its config and the plan into a folder.

  Args:
    network: the detector before.
    tensors: its checkpoint by name.
    plan: what goes.
    output_dir: folder for `model.ckpt`, `pipeline.config` and `plan.json`.
    recalibration_batches: training batches to set batch-norm statistics from,
      where batch norm is trained; 0 to leave them.

  Returns:
    Number of statistics that were set, or None if there was none to set.

  Raises:
    InputError: the narrow network cannot be rebuilt from its config.
  """
  config = surgery.narrow_config(network.config, plan)
  narrow = surgery.narrow(tensors, plan)
  surgery.check_rebuilds(config, narrow, network.op_counts)
  count = None
  if recalibration_batches:
    with tempfile.TemporaryDirectory() as scratch:
      prefix = os.path.join(scratch, CHECKPOINT)
      checkpoints.write(prefix, narrow)
      with contextlib.suppress(recalibration.NothingToRecalibrate):
        count = recalibration.recalibrate(
          config, prefix, recalibration_batches, prefix
        )
      narrow = checkpoints.read(prefix)
  prefix = os.path.join(output_dir, CHECKPOINT)
  checkpoints.write(prefix, narrow)
  plan.write_json(os.path.join(output_dir, PLAN))
  config = retraining.fitted(retraining.from_checkpoint(config, prefix))
  pipeline.save(config, output_dir)
  return count


def _to_target(network, scores, request) -> selection.Removed:
  checks.fraction(f'target_{request.measure}', request.share)
  bounds = request.bounds
  bounds = bounds._replace(min_channels=bounds.min_channels or 1)
  select = selection.ranked if request.ranked else selection.uniform

  def selected(ratio: float) -> selection.Removed:
    return select(scores, ratio, bounds)

  if request.measure == 'latency':
    with latency.Comparer(network.config) as comparer:
      return selection.to_target(
        selected,
        lambda removed: comparer.share(
          surgery.narrow_config(network.config, network.plan(removed))
        ),
        request.share,
        _LATENCY_STEPS,
      )

  def share(removed: selection.Removed) -> float:
    plan = network.plan(removed)
    after, before = plan.cost(), plan.dense_cost()
    return getattr(after, request.measure) / getattr(before, request.measure)

  return selection.to_target(selected, share, request.share)


def check_output(
  folder: str, checkpoint: str, config_path: str, may_replace: bool
) -> None:
  """Checks that `write` can write to a folder and loses nothing of the model.

  Args:
    folder: the folder to write to.
    checkpoint: prefix of the model.
    config_path: its pipeline config.
    may_replace: whether an older result may be replaced.

  Raises:
    InputError: it cannot, or something would be lost.
  """
  paths.folder_to_write('--output_dir', folder)
  paths.refuse_folder_of(checkpoint, folder)
  names = [CHECKPOINT + '.index', pipeline.FILE_NAME, PLAN]
  # The checkpoint may be a link, out of another folder.
  inputs = [checkpoint + '.index', config_path]
  paths.files_to_write('--output_dir', folder, names, may_replace, inputs)
