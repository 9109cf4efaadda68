"""Tensors that tell how sparse a graph is, and their TensorBoard summaries."""

from typing import Dict, Optional, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.core import kernels as kernel_names
from object_detection_pruning.core import masking

MASKED_SPARSITY = 'pruning/sparsity_of_masked_kernels'
TOTAL_SPARSITY = 'pruning/sparsity_of_all_kernels'
SCHEDULED_SPARSITY = 'pruning/scheduled_sparsity'


def sparsity_tensors(
  kernels: Sequence[masking.MaskedKernel],
) -> Dict[str, tf.Tensor]:
  """Gives the measured sparsity of a model, as float32 scalars.

  Args:
    kernels: the masked kernels of one graph, at least one.

  Returns:
    Fraction of zeros in the masked kernels, and in all kernels of the graph
    (where those that have no mask count as dense).
  """
  zeros = tf.add_n([_zeros(kernel) for kernel in kernels])
  masked = sum(kernel.size for kernel in kernels)
  graph = kernels[0].weights.graph
  total = sum(
    variable.shape.num_elements()
    for variable in kernel_names.all_kernels(graph)
  )
  return {MASKED_SPARSITY: zeros / masked, TOTAL_SPARSITY: zeros / total}


def add_training_summaries(
  kernels: Sequence[masking.MaskedKernel],
  scheduled: Optional[tf.Tensor] = None,
) -> None:
  """Adds scalar summaries: overall, scheduled, and for each layer.

  Args:
    kernels: the masked kernels of the current graph.
    scheduled: where masks change in this run, the sparsity that is due; float
      scalar.
  """
  for name, value in sparsity_tensors(kernels).items():
    tf.summary.scalar(name, value)
  if scheduled is not None:
    tf.summary.scalar(SCHEDULED_SPARSITY, scheduled)
  for kernel in kernels:
    tf.summary.scalar(f'sparsity/{kernel.layer}', _zeros(kernel) / kernel.size)
    tf.summary.scalar(f'threshold/{kernel.layer}', kernel.threshold)


def _zeros(kernel: masking.MaskedKernel) -> tf.Tensor:
  return tf.cast(kernel.size - tf.math.count_nonzero(kernel.mask), tf.float32)
