"""How far a pruned network is from the dense one on a photo, with gradients.

Scores are compared by cross-entropy with the dense ones, codes of boxes by
squares as far as the dense network is sure that something is there, and the
feature maps that predictions are made from by squares.
"""

from typing import Dict, List, Sequence, Tuple

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.reconstruction import (
  kernel_layers,
)
from object_detection_pruning.reconstruction import (
  network as networks,
)
from object_detection_pruning.reconstruction import (
  predictions as raw,
)

_FEATURES_WEIGHT = 1.0
_BOX_WEIGHT = 0.2


class Distance:
  """Adds the loss and its gradients to a network's graph."""

  def __init__(
    self,
    network: networks.Network,
    layers: Sequence[kernel_layers.KernelLayer],
    predictions: Sequence[raw.Prediction],
  ):
    """Builds the loss.

    Args:
      network: whose kernels and shifts the gradients are of.
      layers: all of the network's.
      predictions: raw predictions.
    """
    self._network = network
    features = _features(network, layers, predictions)
    with network.graph.as_default():
      self._wanted = [p.tensor for p in predictions] + features
      self._targets = [tf.placeholder(t.dtype, t.shape) for t in self._wanted]
      count = len(predictions)
      self._loss = _predictions_loss(predictions, self._targets[:count])
      for feature, target in zip(features, self._targets[count:]):
        power = tf.reduce_mean(tf.square(target)) + 1e-12
        self._loss += (
          _FEATURES_WEIGHT
          * tf.reduce_mean(tf.square(feature - target))
          / power
          / len(features)
        )
      self._gradients = _gradients(self._loss, network, layers)

  @property
  def trained(self) -> List[str]:
    """Names of the constants that have a gradient."""
    return list(self._gradients)

  def loss(
    self, fed: Dict[tf.Tensor, np.ndarray], values: networks.Values
  ) -> float:
    """Gives the loss on a photo; see `measure`."""
    (loss,) = self._network.run([self._loss], self._with_targets(fed), values)
    return float(loss)

  def measure(
    self, fed: Dict[tf.Tensor, np.ndarray], values: networks.Values
  ) -> Tuple[float, Dict[str, np.ndarray]]:
    """Gives the loss on a photo and its gradients by the constant's name.

    Args:
      fed: what is fed for the photo.
      values: of the pruned network.
    """
    names = list(self._gradients)
    fetches = [self._loss] + [self._gradients[name] for name in names]
    found = self._network.run(fetches, self._with_targets(fed), values)
    return float(found[0]), dict(zip(names, found[1:]))

  def _with_targets(
    self, fed: Dict[tf.Tensor, np.ndarray]
  ) -> Dict[tf.Tensor, np.ndarray]:
    found = self._network.run(self._wanted, fed, self._network.dense)
    result = dict(fed)
    result.update(zip(self._targets, found))
    return result


def _gradients(loss, network, layers) -> Dict[str, tf.Tensor]:
  """Gradients of kernels, and of the shifts that correct their means.

  TensorFlow gives none for the moving mean of a fused batch norm, so those of
  shifts are summed up from the outputs that they move.
  """
  kernels = [layer.constant for layer in layers]
  sites = [
    site for layer in layers for site in layer.sites if site.shift is not None
  ]
  found = tf.gradients(
    loss,
    [network.tensor(name) for name in kernels]
    + [network.tensor(site.node) for site in sites],
  )
  result = {
    name: gradient
    for name, gradient in zip(kernels, found)
    if gradient is not None
  }
  for site, gradient in zip(sites, found[len(kernels) :]):
    if gradient is None:
      continue
    axes = list(range(gradient.shape.rank - 1))
    # Behind a channel that is scaled by zero, a constant moves nothing.
    moved = -tf.div_no_nan(
      tf.reduce_sum(gradient, axes), site.shift.factor.astype(np.float32)
    )
    name = site.shift.constant
    result[name] = result[name] + moved if name in result else moved
  return result


def _features(network, layers, predictions) -> List[tf.Tensor]:
  """The feature maps that the last kernels read."""
  last = raw.last_sites(network.graph, layers)
  names = {
    site.input: None
    for layer in layers
    for site in layer.sites
    if site.node in last
  }
  return [network.tensor(name) for name in names]


def _predictions_loss(predictions, targets) -> tf.Tensor:
  scores = [
    (_rows(p.tensor.op.inputs[0]), _rows(t), p.tensor.op.type)
    for p, t in zip(predictions, targets)
    if p.is_score
  ]
  loss = 0.0
  for logits, target, kind in scores:
    if kind == 'Softmax':
      entropy = tf.nn.softmax_cross_entropy_with_logits(
        labels=target, logits=logits
      )
      own = -tf.reduce_sum(target * tf.log(target + 1e-12), axis=-1)
    else:
      entropy = tf.nn.sigmoid_cross_entropy_with_logits(
        labels=target, logits=logits
      )
      own = -(
        target * tf.log(target + 1e-12)
        + (1 - target) * tf.log(1 - target + 1e-12)
      )
    found = tf.reduce_sum(raw.confidence(target)) + 1.0
    loss += tf.reduce_sum(entropy - own) / found
  for prediction, target in zip(predictions, targets):
    if not prediction.is_score:
      sure = raw.confidence_of_rows(_rows(target), [s[1] for s in scores])
      error = tf.square(_rows(prediction.tensor) - _rows(target)) * sure
      loss += _BOX_WEIGHT * tf.reduce_sum(error) / (tf.reduce_sum(sure) + 1.0)
  return loss


def _rows(tensor: tf.Tensor) -> tf.Tensor:
  return raw.rows(tensor)
