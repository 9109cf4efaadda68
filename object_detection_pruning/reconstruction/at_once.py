"""Masks without photos and without a step: what scores least is cut off.

The plain way, to compare reconstruction with and to start retraining from. Its
criteria, patterns and allocations are those of training.
"""

from typing import Dict, List, NamedTuple, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checks, sessions
from object_detection_pruning.core import allocation as allocations
from object_detection_pruning.core import criteria, vocabulary
from object_detection_pruning.core import granularity as granularities
from object_detection_pruning.reconstruction import kernel_layers, report
from object_detection_pruning.reconstruction import network as networks


class Request(NamedTuple):
  """Settings, by the names and values that training has for them.

  Attributes:
    sparsity: share of zeros of all pruned kernels together, in [0, 1).
    criterion: one of criteria.CRITERIA.
    granularity: one of granularity.GRANULARITIES in `core`.
    allocation: one of allocation.ALLOCATIONS in `core`.
    include: patterns of layers to prune; all if there is none.
    exclude: patterns of layers to leave dense.
    min_weights: smaller kernels stay dense.
  """

  sparsity: float
  criterion: str = criteria.Magnitude.form
  granularity: str = vocabulary.Weight.form
  allocation: str = vocabulary.Uniform.form
  include: Sequence[str] = ()
  exclude: Sequence[str] = ()
  min_weights: int = 1000

  @property
  def pattern(self) -> granularities.Granularity:
    """The granularity."""
    return granularities.find(self.granularity)

  def check(self) -> 'Request':
    """Returns itself, or raises `InputError` for a value that cannot be."""
    checks.sparsity('sparsity', self.sparsity)
    self.pattern.check_target('sparsity', self.sparsity)
    allocations.find(self.allocation).check(self.sparsity, self.pattern)
    criteria.find(self.criterion).check_has('criterion', ())
    return self


def masks(
  layers: Sequence[kernel_layers.KernelLayer], request: Request
) -> List[np.ndarray]:
  """Gives each kernel its mask.

  Args:
    layers: those to prune.
    request: settings.

  Returns:
    bool arrays in the shapes of the kernels; False where a weight goes.

  Raises:
    InputError: the layers cannot have as many zeros.
  """
  pattern = request.pattern
  criterion = criteria.find(request.criterion)
  with tf.Graph().as_default() as graph:
    inputs, scores, cuts, zeros = [], [], [], []
    for layer in layers:
      inputs.append(tf.placeholder(tf.float32, layer.kernel.shape))
      scores.append(criterion.scores(inputs[-1]))
      zeros.append(tf.placeholder(tf.int32, []))
      cuts.append(pattern.cut(scores[-1], zeros[-1]).mask)
  with sessions.open_session(graph) as session:
    fed = dict(zip(inputs, (layer.kernel for layer in layers)))
    planned = allocations.find(request.allocation).zeros(
      request.sparsity,
      [
        allocations.Layer(layer.name, layer.kernel.shape, pattern)
        for layer in layers
      ],
      session.run(scores, fed),
    )
    fed.update(zip(zeros, planned))
    return [mask.astype(bool) for mask in session.run(cuts, fed)]


def values(
  layers: Sequence[kernel_layers.KernelLayer], kept: Sequence[np.ndarray]
) -> networks.Values:
  """Gives the kernels of layers with zeros where their masks have them."""
  return {
    layer.constant: np.where(mask, layer.kernel, np.float32(0))
    for layer, mask in zip(layers, kept)
  }


def results(
  layers: Sequence[kernel_layers.KernelLayer],
  pruned: Dict[str, np.ndarray],
) -> List[report.LayerResult]:
  """Says what became of each layer.

  Args:
    layers: all of the model.
    pruned: kernels as `values` gives them.
  """
  return [
    report.LayerResult(
      layer.name,
      list(layer.kernel.shape),
      int(np.sum(pruned.get(layer.constant, layer.kernel) == 0)),
      None,
      layer.constant in pruned,
    )
    for layer in layers
  ]
