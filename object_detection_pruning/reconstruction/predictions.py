"""The raw predictions of a detector: what its last kernels come to.

Behind the last kernels there are only biases and reshaping, and a sigmoid or
softmax where scores are meant. What comes after, decoding and suppression, does
not learn and has no useful gradient.
"""

from typing import List, NamedTuple, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.reconstruction import kernel_layers

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
  sites = {site.node for layer in layers for site in layer.sites}
  found = {}
  for name in sorted(sites):
    op = graph.get_operation_by_name(name)
    if _feeds_others(op, sites):
      continue
    tensor, is_score = _last(op.outputs[0])
    found[tensor.name] = Prediction(tensor, is_score)
  return sorted(found.values(), key=lambda p: (not p.is_score, p.tensor.name))


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
