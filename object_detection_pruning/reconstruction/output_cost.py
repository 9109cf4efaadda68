"""What an error in a layer's outputs costs at the outputs of the detector.

With predictions p and a layer's outputs z, the expected square of the change of
p is the error of z weighted by the squares of the derivatives dp/dz. These are
estimated by gradients of randomly signed sums of the predictions, as Hutchinson
estimates a trace, so one backward pass a photo serves every layer.
"""

from typing import Dict, List, NamedTuple, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.reconstruction import kernel_layers
from object_detection_pruning.reconstruction import predictions as raw

# A squared error in the code of a box that is surely there, against one in a
# probability.
BOX_WEIGHT = 0.1


class SiteCost(NamedTuple):
  """How much the outputs of one site of a layer matter.

  Attributes:
    outputs: mean square of the gradient of each output, times the positions of
      a photo, [outputs].
    positions: for each photo, the share of each position, mean 1.
  """

  outputs: np.ndarray
  positions: List[np.ndarray]


class OutputCost:
  """Builds the backward pass of a network."""

  def __init__(self, network, layers, predictions: Sequence[raw.Prediction]):
    """Adds the gradients to the network's graph.

    Args:
      network: whose graph it is.
      layers: of the graph.
      predictions: raw predictions.
    """
    self._network = network
    self.sites = [site.node for layer in layers for site in layer.sites]
    tensors = [network.tensor(name) for name in self.sites]
    with network.graph.as_default():
      self._seed = tf.placeholder(tf.int32, [2])
      total = _signed_sum(predictions, self._seed)
      gradients = tf.gradients(total, tensors)
    self._fetches = {
      name: gradient
      for name, gradient in zip(self.sites, gradients)
      if gradient is not None
    }

  def measure(self, feeds, pool, probes: int = 2) -> Dict[str, SiteCost]:
    """Runs the photos.

    Args:
      feeds: what is fed for each photo.
      pool: threads.
      probes: random sums for each photo.

    Returns:
      Costs by the name of the site.
    """
    names = list(self._fetches)
    fetches = [self._fetches[name] for name in names]

    def one(photo: int):
      channel, position = [], []
      fed = dict(feeds[photo])
      for probe in range(probes):
        fed[self._seed] = np.array([photo, probe], np.int32)
        found = self._network.run(fetches, fed, self._network.dense)
        for number, gradient in enumerate(found):
          square = np.square(gradient.reshape(-1, gradient.shape[-1]))
          if probe == 0:
            channel.append(square.sum(0, dtype=np.float64))
            position.append(square.sum(1))
          else:
            channel[number] += square.sum(0, dtype=np.float64)
            position[number] += square.sum(1)
      return channel, position

    results = list(pool.map(one, range(len(feeds))))
    costs = {}
    for number, name in enumerate(names):
      total = sum(r[0][number] for r in results) / len(results) / probes
      maps = [r[1][number] for r in results]
      mean = np.mean(np.concatenate(maps)) + 1e-30
      costs[name] = SiteCost(
        total,
        [
          (m / mean).astype(np.float16)
          for m in [np.minimum(m, 1e4 * mean) for m in maps]
        ],
      )
    return costs


def weights(
  costs: Dict[str, SiteCost], layers: Sequence[kernel_layers.KernelLayer]
) -> Dict[str, np.ndarray]:
  """What a squared error of each output of a layer costs, by its constant.

  A layer on which no prediction depends has none.
  """
  result = {}
  for layer in layers:
    found = [costs[s.node].outputs for s in layer.sites if s.node in costs]
    if found:
      result[layer.constant] = np.sum(found, 0)
  return result


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
