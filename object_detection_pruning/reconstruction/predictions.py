"""The raw predictions of a detector: what its last kernels come to.

Behind the last kernels there are only biases and reshaping, and a sigmoid or
softmax where scores are meant. What comes after, decoding and suppression, does
not learn and has no useful gradient.
"""

from typing import List, NamedTuple, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs import subgraphs
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.reconstruction import kernel_layers
from object_detection_pruning.reconstruction import network as networks

_PASSING = (
  'BiasAdd',
  'Add',
  'AddV2',
  'Reshape',
  'Squeeze',
  'ExpandDims',
  'ConcatV2',
  'Identity',
  'RealDiv',
  'Mul',
)
_SCORES = ('Sigmoid', 'Softmax')


class Prediction(NamedTuple):
  """A tensor of raw predictions.

  Attributes:
    tensor: probabilities of classes, or codes of boxes.
    is_score: whether it holds probabilities.
  """

  tensor: tf.Tensor
  is_score: bool


def find(
  graph: tf.Graph,
  layers: Sequence[kernel_layers.KernelLayer],
) -> List[Prediction]:
  """Finds the raw predictions of a graph, scores first."""
  found = {}
  for name in last_sites(graph, layers):
    op = graph.get_operation_by_name(name)
    tensor, is_score = _last(op.outputs[0])
    found[tensor.name] = Prediction(tensor, is_score)
  return sorted(found.values(), key=lambda p: (not p.is_score, p.tensor.name))


def needed_part(
  graph_def: GraphDef, layers: Sequence[kernel_layers.KernelLayer]
) -> GraphDef:
  """Cuts off what comes after the raw predictions of a detector."""
  with networks.imported(graph_def) as graph:
    names = [each.tensor.op.name for each in find(graph, layers)]
    names += [each.op.name for each in crop_boxes(graph)]
  return subgraphs.extract(graph_def, names)


def last_sites(
  graph: tf.Graph, layers: Sequence[kernel_layers.KernelLayer]
) -> List[str]:
  """Names the uses of kernels that no other kernel comes after."""
  sites = {site.node for layer in layers for site in layer.sites}
  return [
    name
    for name in sorted(sites)
    if not _feeds_others(graph.get_operation_by_name(name), sites)
  ]


def rows(tensor: tf.Tensor) -> tf.Tensor:
  """A matrix with a row for each box, whatever stands before."""
  last = tensor.shape[-1].value
  return tf.reshape(tensor, [-1, last if last else tf.shape(tensor)[-1]])


def confidence(scores: tf.Tensor) -> tf.Tensor:
  """How sure it is that something is there, [boxes, 1].

  Args:
    scores: [boxes, classes], background first.
  """
  if scores.shape[-1].value == 1:
    return scores
  return tf.reduce_max(scores[:, 1:], axis=1, keepdims=True)


def confidence_of_rows(
  codes: tf.Tensor, scores: Sequence[tf.Tensor]
) -> tf.Tensor:
  """Confidence of the scores that are of the same boxes, [boxes, 1].

  Args:
    codes: of boxes, [boxes, length].
    scores: matrices, of which the one with as many rows is meant; where there
      is none each box counts in full.
  """
  weights = tf.ones([tf.shape(codes)[0], 1])
  for score in scores:
    weights = tf.cond(
      tf.equal(tf.shape(score)[0], tf.shape(codes)[0]),
      lambda score=score: confidence(score),
      lambda weights=weights: weights,
    )
  return tf.stop_gradient(weights)


def crop_boxes(graph: tf.Graph) -> List[tf.Tensor]:
  """The boxes that crops of feature maps are made at, and their images."""
  return [
    tensor
    for op in graph.get_operations()
    if op.type == 'CropAndResize'
    for tensor in op.inputs[1:3]
  ]


def _feeds_others(op: tf.Operation, sites) -> bool:
  cut = {tensor.name for tensor in crop_boxes(op.graph)}
  waiting, seen = list(op.outputs), set()
  while waiting:
    tensor = waiting.pop()
    if tensor.name in seen or tensor.name in cut:
      continue
    seen.add(tensor.name)
    # Decoding boxes leads back to layers by way of crops only.
    for consumer in tensor.consumers():
      if consumer.name in sites and consumer.name != op.name:
        return True
      waiting.extend(consumer.outputs)
  return False


def _last(tensor: tf.Tensor):
  while True:
    consumers = [c for c in tensor.consumers() if c.outputs]
    scores = [c for c in consumers if c.type in _SCORES]
    if scores:
      return scores[0].outputs[0], True
    passing = [c for c in consumers if c.type in _PASSING]
    passing = [c for c in passing if _carries(c, tensor)]
    better = [c for c in passing if _leads_to_scores(c.outputs[0])]
    if not (better or passing):
      return tensor, False
    tensor = (better or passing)[0].outputs[0]


def _carries(op: tf.Operation, tensor: tf.Tensor) -> bool:
  if op.type in ('RealDiv', 'Mul', 'Add', 'AddV2'):
    others = [t for t in op.inputs if t is not tensor]
    return all(
      t.op.type in ('Const', 'Identity', 'Placeholder') for t in others
    )
  return True


def _leads_to_scores(tensor: tf.Tensor, steps: int = 8) -> bool:
  if steps == 0:
    return False
  return any(
    c.type in _SCORES
    or (
      c.type in _PASSING
      and _carries(c, tensor)
      and _leads_to_scores(c.outputs[0], steps - 1)
    )
    for c in tensor.consumers()
    if c.outputs
  )
