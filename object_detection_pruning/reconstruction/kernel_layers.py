"""The kernels of a frozen graph, where they are used, and what follows them."""

from typing import Dict, List, NamedTuple, Optional, Set

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.graphs.graph_index import (
  GraphDef,
  GraphIndex,
  NodeDef,
  attribute,
  data_inputs,
  node_name,
)
from object_detection_pruning.reconstruction import mean_shifts

CONVOLUTION = 'Conv2D'
DEPTHWISE = 'DepthwiseConv2dNative'
FULLY_CONNECTED = 'MatMul'
_KERNEL_OPS = (CONVOLUTION, DEPTHWISE, FULLY_CONNECTED)


class Site(NamedTuple):
  """A node that uses a kernel.

  Attributes:
    node: name of the convolution or product.
    input: reference of its input.
    shift: where its mean can be corrected; None where nothing can.
  """

  node: str
  input: str
  shift: Optional[mean_shifts.Shift]


class KernelLayer(NamedTuple):
  """A kernel with all nodes that use it.

  Attributes:
    constant: name of the kernel's node, for a model from a checkpoint the name
      of its variable.
    kind: the op that uses it.
    kernel: its values.
    sites: in the order of the graph.
    strides: height and width.
    dilations: height and width.
    padding: SAME, VALID or EXPLICIT.
    explicit_paddings: top, bottom, left, right.
  """

  constant: str
  kind: str
  kernel: np.ndarray
  sites: List[Site]
  strides: List[int]
  dilations: List[int]
  padding: str
  explicit_paddings: List[int]

  @property
  def name(self) -> str:
    """The layer's name, without that of the variable in it."""
    return self.constant.rpartition('/')[0] or self.constant

  @property
  def window(self) -> List[int]:
    """Height and width of the kernel's window."""
    return list(self.kernel.shape[:2]) if self.kernel.ndim == 4 else [1, 1]


_ELSEWHERE = 'its weights are used in another way elsewhere'


class Rejected(NamedTuple):
  """A kernel that is left alone.

  Attributes:
    node: the convolution or product that uses it.
    reason: why, in a few words.
  """

  node: str
  reason: str


class Layers(NamedTuple):
  """What was found in a graph.

  Attributes:
    layers: in the order of the graph.
    rejected: kernels that cannot be changed.
  """

  layers: List[KernelLayer]
  rejected: List[Rejected]

  def within(self, names: Set[str]) -> 'Layers':
    """Gives the uses of kernels that are among the named nodes.

    A kernel that has none of these is left alone: nothing is measured there.
    """
    layers, rejected = [], list(self.rejected)
    for layer in self.layers:
      sites = [site for site in layer.sites if site.node in names]
      if sites:
        layers.append(layer._replace(sites=sites))
      else:
        reason = 'no detection depends on it'
        rejected += [Rejected(site.node, reason) for site in layer.sites]
    return Layers(layers, rejected)


def find(graph_def: GraphDef, kept: Set[str] = frozenset()) -> Layers:
  """Finds all kernels that are constants.

  Args:
    graph_def: a frozen graph.
    kept: names of outputs, which nothing can be moved behind.
  """
  index = GraphIndex(graph_def)
  found: Dict[str, KernelLayer] = {}
  rejected = []
  unusable: Set[str] = set()
  for node in graph_def.node:
    if node.op not in _KERNEL_OPS:
      continue
    constant = index.constant_node(data_inputs(node)[1])
    reason = _misfit(node, constant, index)
    if not reason and constant.name in unusable:
      reason = _ELSEWHERE
    if not reason and constant.name in found:
      reason = _differs(found[constant.name], node)
    if reason:
      rejected.append(Rejected(node.name, reason))
      if constant is not None:
        # A third place must not bring it back without the other two.
        unusable.add(constant.name)
        found.pop(constant.name, None)
      continue
    layer = found.setdefault(constant.name, _layer(node, constant, index))
    layer.sites.append(
      Site(
        node.name,
        data_inputs(node)[0],
        mean_shifts.find(node, output_channels(layer), index, kept),
      )
    )
  return Layers(_without_common_shifts(list(found.values())), rejected)


def _misfit(
  node: NodeDef, constant: Optional[NodeDef], index: GraphIndex
) -> str:
  if constant is None:
    return 'its weights are no constant'
  if attribute(node, 'T').type != tf.float32.as_datatype_enum:
    return 'its weights are not float32'
  kernel = index.constant(constant.name)
  if not kernel.size or not np.all(np.isfinite(kernel)):
    return 'its weights are empty or not finite'
  if not _used_by_kernel_ops_alone(constant, index):
    return 'its weights are read by other ops too'
  if node.op == FULLY_CONNECTED:
    if attribute(node, 'transpose_a').b or attribute(node, 'transpose_b').b:
      return 'it multiplies a transposed matrix'
    return ''
  if attribute(node, 'data_format').s != b'NHWC':
    return 'its layout is not NHWC'
  return ''


def _used_by_kernel_ops_alone(constant: NodeDef, index: GraphIndex) -> bool:
  waiting = [constant]
  while waiting:
    node = waiting.pop()
    for consumer in index.consumers(node):
      if consumer.op == 'Identity':
        waiting.append(consumer)
      elif (
        consumer.op not in _KERNEL_OPS
        or node_name(consumer.input[1]) != node.name
      ):
        return False
  return True


def _layer(node: NodeDef, constant: NodeDef, index: GraphIndex) -> KernelLayer:
  return KernelLayer(
    constant=constant.name,
    kind=node.op,
    kernel=index.constant(constant.name),
    sites=[],
    strides=_middle(node, 'strides'),
    dilations=_middle(node, 'dilations'),
    padding=attribute(node, 'padding').s.decode() or 'VALID',
    explicit_paddings=_explicit_paddings(node),
  )


def _explicit_paddings(node: NodeDef) -> List[int]:
  return list(attribute(node, 'explicit_paddings').list.i)[2:6]


def _middle(node: NodeDef, name: str) -> List[int]:
  return list(attribute(node, name).list.i)[1:3] or [1, 1]


def _differs(layer: KernelLayer, node: NodeDef) -> str:
  same = (
    layer.kind == node.op
    and layer.strides == _middle(node, 'strides')
    and layer.dilations == _middle(node, 'dilations')
    and layer.padding == (attribute(node, 'padding').s.decode() or 'VALID')
    and layer.explicit_paddings == _explicit_paddings(node)
  )
  return '' if same else _ELSEWHERE


def output_channels(layer: KernelLayer) -> int:
  """Number of output channels of a layer."""
  if layer.kind == DEPTHWISE:
    return layer.kernel.shape[2] * layer.kernel.shape[3]
  return layer.kernel.shape[-1]


def _without_common_shifts(layers: List[KernelLayer]) -> List[KernelLayer]:
  """Leaves out constants that are behind more than one kernel."""
  owners: Dict[str, Set[str]] = {}
  for layer in layers:
    for site in layer.sites:
      if site.shift is not None:
        owners.setdefault(site.shift.constant, set()).add(layer.constant)
  return [
    layer._replace(
      sites=[
        site
        if site.shift is None or len(owners[site.shift.constant]) == 1
        else site._replace(shift=None)
        for site in layer.sites
      ]
    )
    for layer in layers
  ]


def constants(layers: List[KernelLayer]) -> List[str]:
  """Names of the kernels of layers and of what corrects their means."""
  names = {layer.constant: None for layer in layers}
  for layer in layers:
    names.update({s.shift.constant: None for s in layer.sites if s.shift})
  return list(names)
