"""Takes channels out of a checkpoint."""

from typing import Dict, Iterator, Tuple

import numpy as np
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import inference_graph, pipeline
from object_detection_pruning.channels import plan as plans
from object_detection_pruning.common import errors
from object_detection_pruning.core import kernels, widths


def check_fits(
  shapes: Dict[str, Tuple[int, ...]], tensors: Dict[str, np.ndarray]
) -> None:
  """Checks that a checkpoint is one of a model.

  Args:
    shapes: of the model's variables, by name.
    tensors: of the checkpoint, by name.

  Raises:
    InputError: a variable is missing or has another shape.
  """
  for name, shape in sorted(shapes.items()):
    if name not in tensors:
      raise errors.InputError(
        f'the checkpoint does not fit the pipeline config: {name} is not in it'
      )
    if tensors[name].shape != tuple(shape):
      raise errors.InputError(
        f'the checkpoint does not fit the pipeline config: {name} has shape '
        f'{tensors[name].shape} there and {tuple(shape)} in the model'
      )


def narrow(
  tensors: Dict[str, np.ndarray], plan: plans.Plan
) -> Dict[str, np.ndarray]:
  """Takes the channels of a plan out of all that is shaped like a variable.

  Args:
    tensors: a checkpoint by name, with optimizer slots, moving averages and
      masks if it has any; they are cut as their variables are.
    plan: which channels go.

  Returns:
    The narrower checkpoint.
  """
  result = dict(tensors)
  for variable, axes in plan.gone().items():
    if variable not in tensors:
      continue
    for name in _shaped_like(variable, tensors):
      array = tensors[name]
      for axis, indices in axes.items():
        array = np.delete(array, indices, axis)
      result[name] = array
  return result


def silence(
  tensors: Dict[str, np.ndarray], plan: plans.Plan
) -> Dict[str, np.ndarray]:
  """Sets the filters of a plan to zero, with biases and batch norm.

  The channels are dead then: a network of the same shapes gives the very
  outputs of the narrow one.
  """
  result = dict(tensors)
  for group in plan.channels.groups:
    channels = plan.removed.get(group.name, ())
    for part in group.slices if len(channels) else ():
      array = result.get(part.variable)
      if array is None or not (part.is_output or array.ndim == 1):
        continue
      array = array.copy()
      index = [slice(None)] * array.ndim
      index[part.axis] = part.indices[channels].reshape(-1)
      array[tuple(index)] = 0
      result[part.variable] = array
  return result


def narrow_config(
  config: pipeline_pb2.TrainEvalPipelineConfig, plan: plans.Plan
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Copies a config, with the widths of the narrow network in it."""
  result = pipeline_pb2.TrainEvalPipelineConfig()
  result.CopyFrom(config)
  message = pipeline.pruning_message(result)
  widths.to_message(plan.layer_widths(widths.from_message(message)), message)
  if not message.ListFields():
    return pipeline.without_pruning_message(result)
  return result


def check_rebuilds(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  tensors: Dict[str, np.ndarray],
  op_counts: Dict[str, int],
) -> None:
  """Checks that a config alone rebuilds the network of a narrow checkpoint.

  Args:
    config: of the narrow network.
    tensors: its checkpoint by name.
    op_counts: of the network before, which must be the same, or code has added
      or left out a part because of a width.

  Raises:
    InputError: code that the getter does not reach has fixed a layer's width.
  """
  try:
    built = inference_graph.build(config)
  except ValueError as error:
    detail = str(error).splitlines()[0]
    raise errors.InputError(f'the network cannot be rebuilt: {detail}')
  for variable in built.graph.get_collection('variables'):
    name, shape = variable.op.name, tuple(variable.shape.as_list())
    found = tensors[name].shape if name in tensors else 'not there'
    if found != shape:
      raise errors.InputError(
        f'the network cannot be rebuilt: {name} has shape {shape} in it and '
        f'is {found} in the narrow checkpoint; exclude its layer'
      )
  found = built.op_counts()
  for op_type in sorted(set(found) | set(op_counts)):
    now, before = found.get(op_type, 0), op_counts.get(op_type, 0)
    if now != before:
      raise errors.InputError(
        f'the network cannot be rebuilt: it has {now} {op_type} ops with these '
        f'widths and had {before}; take another ratio or round_to'
      )


def _shaped_like(
  variable: str, tensors: Dict[str, np.ndarray]
) -> Iterator[str]:
  shape = tensors[variable].shape
  beside = (variable,)
  if kernels.kind_of(variable, len(shape)) is not None:
    beside += (kernels.mask_names(variable)[0],)
    beside += tuple(kernels.score_names(variable, tensors))
  for name, array in tensors.items():
    if array.shape == shape and (
      name in beside or name.startswith(variable + '/')
    ):
      yield name
