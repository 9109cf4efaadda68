"""Kernels that read removed channels, refitted to the dense outputs.

After He et al. 2017 and ThiNet (Luo et al. 2017). The channels are taken out
of the inputs of the dense-shaped network first, where its outputs can be
compared one by one; surgery then cuts what nobody reads.
"""

from typing import Dict, Sequence

import numpy as np
from object_detection.protos import pipeline_pb2

from object_detection_pruning.channels import plan as plans
from object_detection_pruning.core import kernels, vocabulary
from object_detection_pruning.reconstruction import (
  kernel_layers,
  outputs,
  pruning,
)
from object_detection_pruning.reconstruction import model as models
from object_detection_pruning.reconstruction import request as requests

Tensors = Dict[str, np.ndarray]


def pruner(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  checkpoint: str,
  images: Sequence[np.ndarray],
) -> pruning.Pruner:
  """Prepares a detector for refits.

  Args:
    config: its pipeline config.
    checkpoint: prefix of its checkpoint.
    images: uint8 [height, width, 3] each, unlabelled.

  Raises:
    InputError: they do not belong together.
  """
  return pruning.Pruner(
    models.from_checkpoint(config, checkpoint),
    images,
    requests.Request(sparsity=0.0, allocation=vocabulary.Uniform.form),
  )


def supports(
  layers, tensors: Tensors, plan: plans.Plan
) -> Dict[str, np.ndarray]:
  """Gives the weights that stay of each kernel that reads removed channels.

  Args:
    layers: `KernelLayer`s named after their variables.
    tensors: the checkpoint by name; what a mask of it has removed stays so, and
      so do the zeros of a kernel that was exported without its mask.
    plan: which channels go.

  Returns:
    bool, in the shape of the kernel, by the kernel's name.
  """
  gone = plan.gone()
  result = {}
  for layer in layers:
    name, kernel = layer.constant, layer.kernel
    if layer.kind == kernel_layers.DEPTHWISE:
      continue
    kept = kernels.kept_weights(kernel)
    inputs = gone.get(name, {}).get(kernel.ndim - 2)
    if inputs is not None:
      kept[..., inputs, :] = False
    mask = tensors.get(kernels.mask_names(name)[0])
    if mask is not None:
      kept &= mask.astype(bool)
    if not kept.all():
      result[name] = kept
  return result


def refit(
  detector: pruning.Pruner,
  config: pipeline_pb2.TrainEvalPipelineConfig,
  tensors: Tensors,
  plan: plans.Plan,
) -> Tensors:
  """Refits a checkpoint to a plan; surgery of the plan comes after it.

  Args:
    detector: from `pruner`.
    config: what `pruner` was given.
    tensors: the checkpoint by name.
    plan: which channels go.

  Returns:
    The checkpoint with other kernels, biases and moving means.
  """
  values = detector.refit(supports(detector.layers, tensors, plan))
  return outputs.with_values(config, tensors, values)
