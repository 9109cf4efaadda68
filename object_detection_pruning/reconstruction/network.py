"""A frozen graph whose kernels can be given other values at every run."""

import contextlib
import re
import threading
from typing import Dict, Iterator, List, Optional, Sequence, Set

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.evaluation import frontier
from object_detection_pruning.graphs import importing
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.reconstruction import kernel_layers

Values = Dict[str, np.ndarray]
Feeds = Dict[tf.Tensor, np.ndarray]
# The scope of what the stock code crops with, without an op of its own.
_MATMUL_CROP = re.compile(r'(^|/)MatMulCropAndResize(_\d+)?/')


class Network:
  """A session with the graph in it; constants that change are fed."""

  def __init__(
    self,
    graph_def: GraphDef,
    layers: Sequence[kernel_layers.KernelLayer],
    session_config: Optional[tf.ConfigProto] = None,
  ):
    """Imports the graph.

    Args:
      graph_def: a frozen graph; not changed.
      layers: whose kernels and shifts are fed.
      session_config: of the session.
    """
    names = set()
    for layer in layers:
      names.add(layer.constant)
      names.update(s.shift.constant for s in layer.sites if s.shift)
    opened, self.dense = _open(graph_def, names)
    crops = _cut_crops(opened)
    self.graph = tf.Graph()
    with self.graph.as_default():
      importing.import_graph(opened)
    self.session = tf.Session(graph=self.graph, config=session_config)
    # Crops are fed, for the pruned network those of the dense one: proposals
    # have no useful gradient, and the same rows must be compared.
    self.crops = {
      self.tensor(fed): self.tensor(made) for fed, made in crops.items()
    }
    self._rounds = self._crop_rounds()
    self._callables = {}
    self._lock = threading.Lock()

  def tensor(self, reference: str) -> tf.Tensor:
    """A tensor of the graph by reference."""
    if ':' not in reference:
      reference += ':0'
    return self.graph.get_tensor_by_name(reference)

  def fed(self, image: tf.Tensor, value: np.ndarray) -> Feeds:
    """Gives what to feed for an image, with the crops of the dense network."""
    result = {image: value}
    for fed in self._rounds:
      made = [self.crops[each] for each in fed]
      result.update(zip(fed, self.run(made, result, self.dense)))
    return result

  def _crop_rounds(self) -> List[List[tf.Tensor]]:
    """Orders the crops: those of a round need only those of rounds before.

    The crops that a Mask R-CNN makes masks of follow from what it finds in the
    crops of its proposals.
    """
    waiting, rounds = list(self.crops), []
    while waiting:
      open_names = {each.name for each in waiting}
      rounds.append(
        [
          fed
          for fed in waiting
          if open_names.isdisjoint(_leading_to([self.crops[fed]], ()))
        ]
      )
      waiting = [each for each in waiting if each not in rounds[-1]]
    return rounds

  def run(
    self,
    fetches: Sequence[tf.Tensor],
    fed: Dict[tf.Tensor, np.ndarray],
    values: Values,
  ) -> List[np.ndarray]:
    """Computes tensors.

    Args:
      fetches: what is wanted.
      fed: values of the tensors that the run starts at.
      values: of the kernels and shifts, by name.
    """
    feeds = list(fed)
    key = (tuple(t.name for t in fetches), tuple(t.name for t in feeds))
    with self._lock:
      if key not in self._callables:
        needed = self._constants_between(fetches, feeds)
        self._callables[key] = (
          self.session.make_callable(
            list(fetches), feeds + [self.tensor(name) for name in needed]
          ),
          needed,
        )
      call, needed = self._callables[key]
    return call(*[fed[t] for t in feeds], *[values[name] for name in needed])

  def _constants_between(self, fetches, feeds) -> List[str]:
    """Names the fed constants that a run from `feeds` needs."""
    ops = {name.split(':')[0] for name in _leading_to(fetches, feeds)}
    return sorted(ops & set(self.dense))

  def border(
    self,
    inputs: Sequence[tf.Tensor],
    open_constants: Sequence[str],
    outputs: Sequence[tf.Tensor],
  ) -> List[tf.Tensor]:
    """The tensors that depend on the inputs and not on these constants.

    What follows from others of them without a kernel, as by pooling, is left
    out: it is large, and quickly computed again.
    """
    constants = [self.tensor(name) for name in open_constants]
    border = frontier.find(inputs, constants, outputs)
    first = {each.name for each in inputs}
    for tensor in list(border):
      others = [each for each in border if each is not tensor]
      if tensor.name not in first and self._follows(tensor, others, first):
        border = others
    return border

  def _follows(self, tensor, others, first) -> bool:
    """Tells whether other tensors lead to this one without a kernel."""
    sources = {each.name for each in others}
    waiting, seen = list(tensor.op.inputs), set()
    while waiting:
      source = waiting.pop()
      if source.name in sources or source.name in seen:
        continue
      if source.name in first or source.op.name in self.dense:
        return False
      seen.add(source.name)
      waiting.extend(source.op.inputs)
    return True

  def close(self) -> None:
    """Frees the session."""
    self.session.close()


def _leading_to(fetches, feeds) -> Set[str]:
  """Names of the tensors that a run from `feeds` computes or reads."""
  fed = {tensor.name for tensor in feeds}
  reached, waiting = set(), list(fetches)
  while waiting:
    tensor = waiting.pop()
    if tensor.name in fed or tensor.name in reached:
      continue
    reached.add(tensor.name)
    waiting.extend(tensor.op.inputs)
    for op in tensor.op.control_inputs:
      waiting.extend(op.outputs)
  return reached


def _cut_crops(graph_def: GraphDef) -> Dict[str, str]:
  """Lets placeholders say where crops are made, in place.

  Returns:
    For each placeholder what was there before it.

  Raises:
    InputError: there are crops that no op makes alone.
  """
  made = {}
  for node in list(graph_def.node):
    if _MATMUL_CROP.search(node.name):
      raise errors.InputError(
        'crops that are made by matrix products cannot be followed, and the '
        f'graph has one, {node.name}: set use_matmul_crop_and_resize: false in '
        'the pipeline config, which changes no weight, and export it again'
      )
    if node.op != 'CropAndResize':
      continue
    for number, dtype in ((1, tf.float32), (2, tf.int32)):
      cut = graph_def.node.add()
      cut.name, cut.op = f'{node.name}/fed_{number}', 'Placeholder'
      cut.attr['dtype'].type = dtype.as_datatype_enum
      cut.attr['shape'].shape.unknown_rank = True
      made[cut.name] = node.input[number]
      node.input[number] = cut.name
  return made


def _open(graph_def: GraphDef, names):
  """Turns constants into placeholders; returns the graph and their values."""
  opened = GraphDef()
  opened.CopyFrom(graph_def)
  values = {}
  for node in opened.node:
    if node.name not in names:
      continue
    values[node.name] = tf.make_ndarray(node.attr['value'].tensor)
    shape = tf.TensorShape(values[node.name].shape).as_proto()
    del node.attr['value']
    node.op = 'Placeholder'
    node.attr['shape'].shape.CopyFrom(shape)
  return opened, values


@contextlib.contextmanager
def imported(graph_def: GraphDef) -> Iterator[tf.Graph]:
  """A graph of its own with a graph definition in it."""
  with tf.Graph().as_default() as graph:
    importing.import_graph(graph_def)
    yield graph
