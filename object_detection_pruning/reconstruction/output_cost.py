"""What an error in a layer's outputs costs at the outputs of the detector.

With predictions p and a layer's outputs z, the expected square of the change of
p is the error of z weighted by the squares of the derivatives dp/dz. These are
estimated by gradients of randomly signed sums of the predictions, as Hutchinson
estimates a trace, so one backward pass a photo serves every layer, and a part
of the photos is enough.
"""

from typing import Dict, List, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import progress
from object_detection_pruning.reconstruction import kernel_layers
from object_detection_pruning.reconstruction import network as networks
from object_detection_pruning.reconstruction import predictions as raw

# A squared error in the code of a box that is surely there, against one in a
# probability.
BOX_WEIGHT = 0.1
# With twice as many, two sums each, an SSD came out no better.
_MOST_PHOTOS = 64


class OutputCost:
  """Builds the backward pass of a network."""

  def __init__(
    self,
    network: networks.Network,
    layers: Sequence[kernel_layers.KernelLayer],
    predictions: Sequence[raw.Prediction],
  ):
    """Adds the gradients to the network's graph.

    Args:
      network: whose graph it is.
      layers: of the graph.
      predictions: raw predictions.
    """
    self._network = network
    sites = {s.node: layer.constant for layer in layers for s in layer.sites}
    tensors = [network.tensor(name) for name in sites]
    # Squares are summed in the graph: the gradients of a photo at all layers
    # take much more memory than all else.
    self._squares: List[tf.Tensor] = []
    self._constants: List[str] = []
    with network.graph.as_default():
      self._seed = tf.placeholder(tf.int32, [2])
      total = _signed_sum(predictions, self._seed)
      for constant, gradient in zip(
        sites.values(), tf.gradients(total, tensors)
      ):
        if gradient is not None:
          squares = tf.square(raw.rows(gradient))
          self._squares.append(tf.reduce_sum(squares, 0))
          self._constants.append(constant)

  def measure(self, feeds, pool) -> Dict[str, np.ndarray]:
    """Runs photos.

    Args:
      feeds: what is fed for each photo.
      pool: threads.

    Returns:
      What a squared error of each output of a layer costs, summed over the
      positions of a photo, [outputs], by the layer's constant. A layer on which
      no prediction depends has none.
    """

    def one(photo: int) -> List[np.ndarray]:
      fed = dict(feeds[photo])
      fed[self._seed] = np.array([photo, 0], np.int32)
      return self._network.run(self._squares, fed, self._network.dense)

    # Neighbours may be of one scene.
    chosen = range(len(feeds))[:: -(-len(feeds) // _MOST_PHOTOS)]
    costs: Dict[str, np.ndarray] = {}
    runs = pool.map(one, chosen)
    for squares in progress.over(runs, 'costs of errors', total=len(chosen)):
      for constant, square in zip(self._constants, squares):
        costs[constant] = costs.get(constant, 0.0) + square.astype(np.float64)
    return {constant: cost / len(chosen) for constant, cost in costs.items()}


def weighted(predictions: Sequence[raw.Prediction]) -> List[tf.Tensor]:
  """Scales raw predictions so that the sum of squares is what a change costs.

  Codes of boxes count as far as something is there.
  """
  scores = [raw.rows(p.tensor) for p in predictions if p.is_score]
  result = list(scores)
  for prediction in predictions:
    if not prediction.is_score:
      codes = raw.rows(prediction.tensor)
      sure = raw.confidence_of_rows(codes, scores)
      result.append(codes * tf.sqrt(BOX_WEIGHT * sure))
  return result


def _signed_sum(predictions, seed: tf.Tensor) -> tf.Tensor:
  total = 0.0
  for number, tensor in enumerate(weighted(predictions)):
    signs = tf.random.stateless_uniform(tf.shape(tensor), seed + number)
    total += tf.reduce_sum(tf.sign(signs - 0.5) * tensor)
  return total
