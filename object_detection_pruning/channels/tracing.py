"""Follows channels from op to op, and ties those that must go together.

Every index along every axis of a variable has a number of its own. A tensor's
axis is known by the numbers of the channels that lie along it, so a concat
joins lists of numbers, a split cuts them, and an add ties them in pairs.
"""

from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

import networkx as nx
import numpy as np
import tensorflow.compat.v1 as tf

Axes = List[Optional[np.ndarray]]


class Tie(NamedTuple):
  """Channels that an op holds together, as two lists of equal length."""

  left: np.ndarray
  right: np.ndarray
  op: tf.Operation


class Trace:
  """What is known of the channels of a graph."""

  def __init__(self, variables: Iterable[tf.Variable]):
    self.variables = list(variables)
    self.ties: List[Tie] = []
    self.reasons: Dict[int, str] = {}
    self.producers = set()
    self.uses: Dict[str, List[tf.Operation]] = {}
    self._axes: Dict[str, Axes] = {}
    self.owners: List[str] = []
    self.starts: List[int] = []
    self.axis_of: List[int] = []
    self.size = 0
    for variable in self.variables:
      axes = []
      for axis, length in enumerate(variable.shape.as_list()):
        self.owners.append(variable.op.name)
        self.axis_of.append(axis)
        self.starts.append(self.size)
        axes.append(np.arange(self.size, self.size + length))
        self.size += length
      self._axes[variable.op.outputs[0].name] = axes

  def axes(self, tensor: tf.Tensor) -> Axes:
    """Gives the channels along each axis; None for an axis without any."""
    known = self._axes.get(tensor.name)
    if known is not None:
      return known
    return [None] * (tensor.shape.ndims or 0)

  def is_tracked(self, tensor: tf.Tensor) -> bool:
    """Tells whether channels lie along any axis."""
    return any(axis is not None for axis in self._axes.get(tensor.name, ()))

  def put(self, tensor: tf.Tensor, axes: Axes) -> None:
    """Says which channels lie along the axes of a tensor."""
    self._axes[tensor.name] = list(axes)

  def tie(self, left, right, op: tf.Operation) -> None:
    """Ties channels in pairs; those met by what has none can never go."""
    if left is None and right is None:
      return
    if left is None or right is None or len(left) != len(right):
      for ids in (left, right):
        self.fix(ids, f'{op.name} ({op.type}) joins it to what is not followed')
      return
    self.ties.append(Tie(left, right, op))

  def fix(self, ids: Optional[np.ndarray], reason: str) -> None:
    """Says why channels cannot go; the first reason stays."""
    if ids is not None:
      for number in ids.tolist():
        self.reasons.setdefault(number, reason)

  def fix_tensor(self, tensor: tf.Tensor, reason: str) -> None:
    """Says why no channel along any axis of a tensor can go."""
    for ids in self.axes(tensor):
      self.fix(ids, reason)

  def use_kernel(self, ids: Sequence[Optional[np.ndarray]], op) -> None:
    """Notes which variable an op computes with, for the count of MACs."""
    owner = self.owner(ids)
    if owner is not None:
      self.uses.setdefault(owner, []).append(op)

  def owner(self, axes: Sequence[Optional[np.ndarray]]) -> Optional[str]:
    """Gives the name of the variable that axes belong to."""
    known = [ids for ids in axes if ids is not None and len(ids)]
    return self.owners[self.slot(known[-1][0])] if known else None

  def produce(self, ids: Optional[np.ndarray]) -> None:
    """Notes that a layer makes these channels."""
    if ids is not None and len(ids):
      self.producers.add(self.slot(ids[0]))

  def slot(self, number: int) -> int:
    """Gives the axis, counted over all variables, that a channel is on."""
    return int(np.searchsorted(self.starts, number, side='right')) - 1

  def classes(self) -> np.ndarray:
    """Numbers the sets of channels that are tied, int [channels]."""
    graph = nx.Graph()
    for tie in self.ties:
      graph.add_edges_from(zip(tie.left.tolist(), tie.right.tolist()))
    result = np.arange(self.size)
    for members in nx.connected_components(graph):
      result[list(members)] = min(members)
    return result
