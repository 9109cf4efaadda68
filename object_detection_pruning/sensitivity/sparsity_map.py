"""What a choice of weights says in a `pruning` message."""

from object_detection.protos import pipeline_pb2

from object_detection_pruning import pipeline
from object_detection_pruning.core import errors
from object_detection_pruning.models import registry
from object_detection_pruning.sensitivity import (
  fingerprints,
  results,
  selection,
  targets,
)


def apply(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  found: results.Results,
  choice: selection.Choice,
  path: str,
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Copies a config, with a sparsity for each layer in its message.

  Where the config masks nothing, the layers that lose something are included.

  Args:
    config: the pipeline config that was analysed.
    found: what was measured.
    choice: how many weights of each layer are to be zero.
    path: of the file that `found` was read from, for the error.

  Raises:
    InputError: the file is of channels, or of another model.
  """
  if found.setup.granularity != targets.WEIGHT:
    raise errors.InputError(
      f'{path} was measured on channels: masks need '
      f'--granularity={targets.WEIGHT}'
    )
  found.setup.check_same(
    found.setup._replace(model=fingerprints.of_model(config)), path
  )
  if not any(choice.removed.values()):
    raise errors.InputError('no layer would lose a weight: raise the bound')
  result = pipeline_pb2.TrainEvalPipelineConfig()
  result.CopyFrom(config)
  message = pipeline.pruning_message(result)
  is_masked = registry.is_masked(config.model) or len(message.include) > 0
  sizes = {layer.name: layer.size for layer in found.layers}
  del message.layer_sparsity[:]
  for name, size in sizes.items():
    removed = choice.removed.get(name, 0)
    if not is_masked and not removed:
      continue
    # Names have no other letter that means something in a pattern.
    pattern = '^{}$'.format(name.replace('.', r'\.'))
    message.layer_sparsity.add(layer=pattern, target_sparsity=removed / size)
    if not is_masked:
      message.include.append(pattern)
  message.target_sparsity = sum(choice.removed.values()) / sum(sizes.values())
  return result
