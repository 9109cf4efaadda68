"""Rules of which layers get a mask."""

import threading
from typing import List, NamedTuple, Optional, Sequence

import tensorflow.compat.v1 as tf

from object_detection_pruning.core import gathering, kernels, layer_patterns

# Names of the layers that a rule was asked about, masked or not.
CANDIDATES = 'object_detection_pruning/mask_candidates'
# Patterns of all rules that there were.
_INCLUDE = 'object_detection_pruning/mask_include'
_EXCLUDE = 'object_detection_pruning/mask_exclude'

_active = threading.local()


class MaskRule(NamedTuple):
  """Which layers get a mask.

  Attributes:
    include: regular expressions; a layer is masked if one is found in its
      name. None at all masks nothing.
    exclude: regular expressions; a layer in whose name one is found is not
      masked, whatever includes it.
    depthwise: whether depthwise kernels are masked too.
    noted: what their training notes.
  """

  include: Sequence[str] = ('',)
  exclude: Sequence[str] = ()
  depthwise: bool = False
  noted: gathering.Gathering = gathering.Gathering()


def start(rule: MaskRule) -> None:
  """Lets a rule apply to what this thread builds."""
  tf.get_collection_ref(_INCLUDE).extend(rule.include)
  tf.get_collection_ref(_EXCLUDE).extend(rule.exclude)
  _all_active().append(rule)


def end(rule: MaskRule) -> None:
  """Takes a rule back that was started."""
  _all_active().remove(rule)


def selects(name: str, rank: Optional[int], graph: tf.Graph) -> bool:
  """Tells whether a kernel gets a mask, and notes its layer as a candidate.

  Args:
    name: of a variable, which may be none of a kernel.
    rank: number of its dimensions.
    graph: that it is in.
  """
  kind = kernels.kind_of(name, rank)
  if kind is None:
    return False
  layer = kernels.layer_name(name)
  rules = _all_active()
  if layer not in candidate_layers(graph):
    graph.add_to_collection(CANDIDATES, layer)
  if kind == kernels.DEPTHWISE and not any(rule.depthwise for rule in rules):
    return False
  included = any(layer_patterns.found(rule.include, layer) for rule in rules)
  excluded = any(layer_patterns.found(rule.exclude, layer) for rule in rules)
  return included and not excluded


def noted() -> gathering.Gathering:
  """Gives what the rules that apply now note together."""
  return gathering.joined([rule.noted for rule in _all_active()])


def candidate_layers(graph: tf.Graph = None) -> List[str]:
  """Lists the layers whose kernels were seen, masked or not."""
  return _texts(CANDIDATES, graph)


def check_patterns(graph: tf.Graph = None) -> None:
  """Raises `InputError` for a rule's pattern that is found in no layer."""
  layers = candidate_layers(graph)
  if layers:
    layer_patterns.check_each_found(
      _texts(_INCLUDE, graph), _texts(_EXCLUDE, graph), layers
    )


def _texts(key: str, graph: Optional[tf.Graph]) -> List[str]:
  graph = graph or tf.get_default_graph()
  # Of a graph that was read from a file they are bytes.
  return [tf.compat.as_str(each) for each in graph.get_collection(key)]


def _all_active() -> List[MaskRule]:
  if not hasattr(_active, 'rules'):
    _active.rules = []
  return _active.rules
