"""Moving averages of weights, which evaluation takes where a config says so."""

from typing import Dict

import numpy as np
from object_detection.protos import pipeline_pb2

from object_detection_pruning.common import errors

_SUFFIX = '/ExponentialMovingAverage'


def name_of(variable_name: str) -> str:
  """Gives the name of the moving average of a variable."""
  return variable_name + _SUFFIX


def evaluated(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  tensors: Dict[str, np.ndarray],
  checkpoint: str = 'the checkpoint',
) -> Dict[str, np.ndarray]:
  """Gives the values that stock evaluation and export read from a checkpoint.

  With `eval_config.use_moving_averages` these are the averages; variables that
  have none, such as batch-norm statistics, keep their own. Masks stay beside
  their kernels.

  Args:
    config: the pipeline config.
    tensors: the checkpoint by name, masks folded in or not.
    checkpoint: what it is, for the error.

  Returns:
    All tensors by name, the averages among them, so that the same may be asked
    of the result.

  Raises:
    InputError: averages are to be taken, and there are none.
  """
  if not config.eval_config.use_moving_averages:
    return tensors
  averages = {
    name: tensors[name_of(name)] for name in tensors if name_of(name) in tensors
  }
  if not averages:
    raise errors.InputError(
      f'{checkpoint} has no moving averages, which its config asks for: set '
      'eval_config.use_moving_averages to false'
    )
  return dict(tensors, **averages)
