"""What a choice becomes: channels that go, or the sparsity of each layer."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import importance, pruning
from object_detection_pruning.channels import plan as plans
from object_detection_pruning.channels import selection as channel_selection
from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  allocation,
  kernels,
  layer_patterns,
  moving_averages,
  thresholds,
)
from object_detection_pruning.export import stripping
from object_detection_pruning.models import registry
from object_detection_pruning.protos import pruning_pb2
from object_detection_pruning.sensitivity import (
  fingerprints,
  prunables,
  results,
  selection,
)


def channel_plan(
  network: pruning.Network,
  tensors: Dict[str, np.ndarray],
  found: results.Results,
  target: selection.Target,
  path: str,
) -> plans.Plan:
  """Selects the channels that go, the very ones whose loss was measured.

  Args:
    network: from `channels.pruning.analyze`.
    tensors: the checkpoint by name.
    found: what was measured of it.
    target: what is asked for.
    path: of the file that `found` was read from, for the error.

  Raises:
    InputError: it was measured on another model or checkpoint, or of single
      weights, or the target cannot be met.
  """
  if found.setup.granularity != prunables.FILTER:
    raise errors.InputError(
      f'{path} was measured on single weights: channels need '
      f'--granularity={prunables.FILTER}'
    )
  weights = moving_averages.evaluated(network.config, tensors)
  stripped = stripping.strip(weights).tensors
  found.setup.check_same(
    found.setup._replace(
      model=fingerprints.of_model(network.config),
      checkpoint=fingerprints.of_checkpoint(network, stripped),
    ),
    path,
  )
  groups = {
    group.name: group
    for group in channel_selection.candidates(
      network.channels, target.include, target.exclude
    )
  }
  choice = selection.choose(found, target, list(groups))
  removed = {}
  for name, number in choice.removed.items():
    scores = importance.scores(found.setup.importance, groups[name], stripped)
    order = np.argsort(scores, kind='stable')
    removed[name] = np.sort(order[:number])
  if not any(len(gone) for gone in removed.values()):
    raise errors.InputError(
      'the plan removes nothing: raise the bound, or measure smaller ratios'
    )
  return network.plan(removed).check()


class SparsityMap(NamedTuple):
  """The sparsity of each layer that is masked.

  Attributes:
    config: with all of them in its `pruning` message.
    sparsities: by layer.
    sizes: number of weights, by layer.
    kept: layers that were not measured; they keep what the config says.
  """

  config: pipeline_pb2.TrainEvalPipelineConfig
  sparsities: Dict[str, float]
  sizes: Dict[str, int]
  kept: List[str]

  @property
  def sparsity(self) -> float:
    """Share of zeros in all of these layers."""
    zeros = sum(self.sparsities[n] * size for n, size in self.sizes.items())
    return zeros / sum(self.sizes.values())

  @property
  def measured_zeros(self) -> Tuple[int, int]:
    """Zeros, and weights, in the layers that were measured."""
    sizes = {n: size for n, size in self.sizes.items() if n not in self.kept}
    zeros = sum(
      thresholds.zeros_for(self.sparsities[n], size)
      for n, size in sizes.items()
    )
    return zeros, sum(sizes.values())


def check_weights(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  found: results.Results,
  path: str,
) -> None:
  """Raises `InputError` unless a file is of single weights of a config's model.

  Args:
    config: a pipeline config.
    found: what was measured.
    path: of the file that `found` was read from, for the error.
  """
  if found.setup.granularity != prunables.WEIGHT:
    raise errors.InputError(
      f'{path} was measured on channels: masks need '
      f'--granularity={prunables.WEIGHT}'
    )
  found.setup.check_same(
    found.setup._replace(model=fingerprints.of_model(config)), path
  )


def masked_layers(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> Optional[List[str]]:
  """Names the layers that a config masks; None where it masks none by itself.

  That is where `sparsity_map` includes what is chosen.
  """
  message = pipeline.pruning_message(config)
  if not registry.is_masked(config.model) and not message.include:
    return None
  return list(_masked_sizes(config))


def sparsity_map(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  found: results.Results,
  choice: selection.Choice,
  path: str,
  takes_all: bool = False,
) -> SparsityMap:
  """Puts a sparsity for each masked layer into a copy of a config.

  Where the config masks nothing, the layers that lose something are included.

  Args:
    config: the pipeline config that was analysed.
    found: what was measured.
    choice: how many weights of each layer are to be zero.
    path: of the file that `found` was read from, for the error.
    takes_all: whether layers of the choice that lose nothing are included too.

  Raises:
    InputError: the file is of channels, or of another model, or a layer that
      loses weights is not masked.
  """
  check_weights(config, found, path)
  losing = [name for name, number in choice.removed.items() if number]
  if not losing:
    raise errors.InputError('no layer would lose a weight: raise the bound')
  result = pipeline_pb2.TrainEvalPipelineConfig()
  result.CopyFrom(config)
  message = pipeline.pruning_message(result)
  if masked_layers(config) is None:
    included = choice.removed if takes_all else losing
    message.include.extend(map(_pattern, included))
  sizes = _masked_sizes(result)
  unmasked = [name for name in losing if name not in sizes]
  if unmasked:
    raise errors.InputError(
      f'{unmasked[0]} is to lose weights, and the config does not mask it: '
      'analyse with this config, or mend its include and exclude'
    )
  kept = [name for name in sizes if name not in choice.removed]
  _check_configured(message, kept)
  sparsities = {
    name: _configured(message, name)
    if name in kept
    else choice.removed[name] / size
    for name, size in sizes.items()
  }
  made = SparsityMap(result, sparsities, sizes, kept)
  del message.layer_sparsity[:]
  for name, sparsity in sparsities.items():
    message.layer_sparsity.add(layer=_pattern(name), target_sparsity=sparsity)
  message.target_sparsity = made.sparsity
  return made


def _masked_sizes(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> Dict[str, int]:
  sizes: Dict[str, int] = {}
  for name, size in prunables.masked_kernels(config).items():
    layer = kernels.layer_name(name)
    sizes[layer] = sizes.get(layer, 0) + size
  return sizes


def _check_configured(
  message: pruning_pb2.Pruning, layers: Sequence[str]
) -> None:
  """Refuses layers whose sparsity the config does not say by itself."""
  is_uniform = isinstance(
    allocation.find(message.allocation), allocation.Uniform
  )
  for layer in layers:
    if not is_uniform and _entry(message, layer) is None:
      raise errors.InputError(
        f'{layer} was not measured, and what allocation '
        f'{message.allocation!r} of the config gives it is not known here: '
        'measure all masked layers, or give it a layer_sparsity'
      )


def _configured(message: pruning_pb2.Pruning, layer: str) -> float:
  """Gives the sparsity that a message gives a layer; the first entry counts."""
  entry = _entry(message, layer)
  return message.target_sparsity if entry is None else entry.target_sparsity


def _entry(
  message: pruning_pb2.Pruning, layer: str
) -> Optional[pruning_pb2.LayerSparsity]:
  """Finds what a message says of a layer; None if nothing."""
  for entry in message.layer_sparsity:
    if layer_patterns.found([entry.layer], layer):
      return entry
  return None


def _pattern(layer: str) -> str:
  # Names have no other letter that means something in a pattern.
  return '^{}$'.format(layer.replace('.', r'\.'))
