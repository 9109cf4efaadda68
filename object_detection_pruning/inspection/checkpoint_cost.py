"""What the model in a checkpoint costs."""

from typing import Dict, Optional

import numpy as np

from object_detection_pruning.common import errors, finite
from object_detection_pruning.core import kernels
from object_detection_pruning.export import stripping
from object_detection_pruning.inspection.model_cost import LayerCost, ModelCost

_NOT_TRAINED = (
  'moving_mean',
  'moving_variance',
  'global_step',
  'beta1_power',
  'beta2_power',
)


def measure(
  tensors: Dict[str, np.ndarray], positions: Optional[Dict[str, int]] = None
) -> ModelCost:
  """Counts the weights of a checkpoint, masks folded in.

  Args:
    tensors: all variables by name; slots of an optimizer are not counted.
    positions: how many positions of one image each kernel is applied at, by the
      name of its variable; None where the network is not known.

  Raises:
    InputError: there is no kernel in the checkpoint.
  """
  folded = stripping.strip(tensors).tensors
  layers = []
  others = []
  for name, array in folded.items():
    scope, _, last = name.rpartition('/')
    # The slots of an optimizer are called after their variable.
    if scope in folded or last in _NOT_TRAINED:
      continue
    kind = kernels.kind_of(name, array.ndim)
    if kind is None:
      others.append(array)
      continue
    layers.append(
      LayerCost(
        kernels.layer_name(name),
        kind,
        array.shape,
        int(np.count_nonzero(array)),
        positions.get(name) if positions else None,
      )
    )
  if not layers:
    raise errors.InputError('there is no kernel in the checkpoint')
  return ModelCost(
    layers,
    sum(array.size for array in others),
    sum(int(np.count_nonzero(array)) for array in others),
    tuple(finite.count(tensors).items()),
  )
