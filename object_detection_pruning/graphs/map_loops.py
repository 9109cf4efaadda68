"""Finds loops that do the same with each element of a batch: `tf.map_fn`."""

from typing import Dict, Iterator, List, NamedTuple, Optional

from object_detection_pruning.graphs import patterns
from object_detection_pruning.graphs.graph_index import (
  GraphDef,
  GraphIndex,
  NodeDef,
  attribute,
  control_inputs,
)
from object_detection_pruning.graphs.patterns import (
  anything,
  constant,
  first_of,
  node,
  same,
)


class Element(NamedTuple):
  """What goes into a loop.

  Attributes:
    value: reference of the tensor that the loop takes apart.
    dtype: its type, as a DataType.
  """

  value: str
  dtype: int


class MapLoop(NamedTuple):
  """A loop over the first dimension of tensors.

  Attributes:
    condition: name of its LoopCond.
    elements: by the reference of a part within the loop.
    results: references of values within the loop, by the name of the node that
      puts them together again.
    is_all: whether nothing else comes out of the loop.
  """

  condition: str
  elements: Dict[str, Element]
  results: Dict[str, str]
  is_all: bool


def size(value: patterns.Pattern, axis: int = 0) -> patterns.Pattern:
  """Pattern of a dimension of a tensor."""
  return value_at(node('Shape', value), axis)


def value_at(vector: patterns.Pattern, position: int) -> patterns.Pattern:
  """Pattern of one value of a vector."""
  return node(
    'StridedSlice',
    vector,
    constant([position]),
    constant([position + 1]),
    constant([1]),
    shrink_axis_mask=1,
    begin_mask=0,
    end_mask=0,
    new_axis_mask=0,
    ellipsis_mask=0,
  )


def count_to(limit: patterns.Pattern) -> patterns.Pattern:
  """Pattern of the numbers from 0 to below a limit."""
  return node('Range', constant(0), limit, constant(1))


def find(graph_def: GraphDef, index: GraphIndex) -> Iterator[MapLoop]:
  """Gives every such loop whose parts are all of the known form."""
  exits = {}  # type: Dict[str, List[NodeDef]]
  for each in graph_def.node:
    if each.op == 'Exit':
      switch = index.producer(each.input[0])
      if switch is not None and switch.op == 'Switch':
        exits.setdefault(switch.input[1], []).append(each)
  for condition, of_loop in exits.items():
    loop = _loop(condition, of_loop, index)
    if loop is not None:
      yield loop


def _loop(
  condition: str, exits: List[NodeDef], index: GraphIndex
) -> Optional[MapLoop]:
  matcher = patterns.Matcher(index)
  counters = (_counter('first'), _counter('second'))
  limit = node('Enter', anything('count'))
  if not matcher.match(
    node(
      'LoopCond',
      node('LogicalAnd', *[node('Less', each, limit) for each in counters]),
    ),
    condition,
  ):
    return None
  # Both count alike, and the body may use either.
  numbers = [
    _in_body(matcher.found[name], condition, index)
    for name in ('first', 'second')
  ]
  for name, number in zip(('first', 'second'), numbers):
    step = node('Add AddV2', _one_of([number]), constant(1))
    if not matcher.match(step, matcher.found[name + '_next']):
      return None
  results, used = {}, 0
  for exit_node in exits:
    readers = index.consumers(exit_node)
    used += bool(readers)
    found = _result(exit_node, readers, numbers, matcher, index)
    if found is not None:
      results.update(found)
  elements = _elements(numbers, index)
  sizes = [size(same(each.value)) for each in elements.values()]
  if not sizes or not matcher.match(first_of(*sizes), matcher.found['count']):
    return None
  return MapLoop(condition, elements, results, used == len(results))


def _counter(name: str) -> patterns.Pattern:
  def matches(matcher: patterns.Matcher, reference: str) -> bool:
    merge = matcher.producer(reference)
    matcher.found[name] = matcher.canonical(reference)
    return merge is not None and matcher.match(
      node(
        'Merge',
        node('Enter', constant(0)),
        node('NextIteration', anything(name + '_next')),
      ),
      reference,
    )

  return matches


def _in_body(merge: str, condition: str, index: GraphIndex) -> str:
  """The value of a loop variable where the loop goes round."""
  for switch in index.consumers(index.nodes[merge]):
    if switch.op == 'Switch' and list(switch.input) == [merge, condition]:
      return switch.name + ':1'
  return ''


def _one_of(references: List[str]) -> patterns.Pattern:
  return first_of(*[same(each) for each in references if each])


def _result(
  exit_node: NodeDef,
  readers: List[NodeDef],
  numbers: List[str],
  matcher: patterns.Matcher,
  index: GraphIndex,
) -> Optional[Dict[str, str]]:
  """What an exit gives, if one node puts its elements together again."""
  gathers = [each for each in readers if each.op == 'TensorArrayGatherV3']
  if len(gathers) != 1 or control_inputs(gathers[0]):
    return None
  array = gathers[0].input[0]
  switch = index.producer(exit_node.input[0])
  flow = same(exit_node.name)
  length = first_of(
    same(matcher.found['count']),
    node('TensorArraySizeV3', same(array), flow),
  )
  inner = patterns.Matcher(index)
  write = node(
    'TensorArrayWriteV3',
    node('Enter', same(array)),
    _one_of(numbers),
    anything('value'),
    same(switch.name + ':1'),
  )
  merge = node(
    'Merge', node('Enter', same(array + ':1')), node('NextIteration', write)
  )
  if not (
    # Its size may be asked for, and nothing else.
    all(
      each.op in ('TensorArrayGatherV3', 'TensorArraySizeV3')
      for each in readers
    )
    and inner.match(
      node('TensorArrayGatherV3', same(array), count_to(length), flow),
      gathers[0].name,
    )
    and inner.match(node('TensorArrayV3', same(matcher.found['count'])), array)
    and inner.match(merge, switch.input[0])
  ):
    return None
  return {gathers[0].name: inner.found['value']}


def _elements(numbers: List[str], index: GraphIndex) -> Dict[str, Element]:
  """What the loop takes apart, by the part that it has in hand."""
  array, value = anything('array'), anything('value')
  scatter = node(
    'TensorArrayScatterV3',
    array,
    count_to(size(value)),
    value,
    _flow_of('array'),
  )
  part = node(
    'TensorArrayReadV3',
    node('Enter', array),
    _one_of(numbers),
    node('Enter', scatter),
  )
  elements = {}
  matcher = patterns.Matcher(index)
  for read in _readers(numbers, index):
    matcher.found = {}
    if not matcher.match(part, read.name):
      continue
    source = index.nodes.get(matcher.found['array'])
    if source is not None and source.op == 'TensorArrayV3':
      dtype = attribute(source, 'dtype').type
      elements[read.name] = Element(matcher.found['value'], dtype)
  return elements


def _flow_of(array: str) -> patterns.Pattern:
  """The flow of an empty array."""

  def matches(matcher: patterns.Matcher, reference: str) -> bool:
    return matcher.match(same(matcher.found[array] + ':1'), reference)

  return matches


def _readers(numbers: List[str], index: GraphIndex) -> Iterator[NodeDef]:
  """The nodes that read the number of the element, also through identities."""
  queue = [number.split(':')[0] for number in numbers if number]
  while queue:
    for each in index.consumers(index.nodes[queue.pop()]):
      if each.op == 'Identity':
        queue.append(each.name)
      yield each
