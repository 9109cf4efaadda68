"""Changes files as accidents and strangers do: bytes, words, nodes."""

import copy
import json
import re

import numpy as np
import tensorflow.compat.v1 as tf

_NUMBERS = [-(2**63), -(2**31), -2, -1, 0, 1, 3, 2**31 - 1, 2**40, 2**63 - 1]
_WORDS = [
  b'-1', b'0', b'99999999999999999999', b'1e309', b'nan', b'"', b'{', b'}',
  b'[', b']', b'<', b'>', b':', b'null', b'true', b'\xff', b'\n', b'\\', b'',
]  # fmt: skip
_NUMERALS = [b'-1', b'0', b'2', b'0.5', b'99999999999', b'1e309', b'nan', b'']
_ODD = [None, True, -1, 0, 1e308, 2**70, '', 'odd', '\n', [], {}, [[]], 0.5]
_OPS = [
  'Identity', 'Reshape', 'Conv2D', 'MatMul', 'Merge', 'NextIteration', 'Enter',
  'Const', 'Placeholder', 'NoOp', 'Add', 'Cast', 'Shape', 'SparseConv2D',
  'FastPool', 'VariableV2', 'ReadFile', 'NoSuchOp', '', 'ConcatV2', 'Switch',
]  # fmt: skip


class Mutator:
  """Mutates the content of files.

  Args:
    random: a `RandomState`, which all that is made depends on.
  """

  def __init__(self, random):
    self._random = random

  def binary(self, content):
    """Flips, drops, repeats, moves or adds bytes, here and there."""
    content = bytearray(content)
    for _ in range(self._few()):
      at, length = self._span(len(content))
      how = self._random.randint(7)
      if how == 0:
        content[at : at + 1] = bytes([self._random.randint(256)])
      elif how == 1 and content:
        content[min(at, len(content) - 1)] ^= 1 << self._random.randint(8)
      elif how == 2:
        del content[at : at + length]
      elif how == 3:
        content[at:at] = content[at : at + length]
      elif how == 4:
        other, _ = self._span(len(content))
        content[other:other] = content[at : at + length]
      elif how == 5:
        content[at:at] = self._random.bytes(length)
      elif self._random.rand() < 0.3:
        del content[at:]
    return bytes(content)

  def text(self, content):
    """Replaces words and numbers, or changes bytes."""
    if self._random.rand() < 0.3:
      return self.binary(content)
    for _ in range(self._few()):
      pattern = self._pick([rb'[\w.+-]+', rb'\d+', rb'\d+', rb'\W'])
      words = [each.span() for each in re.finditer(pattern, content)]
      if not words:
        continue
      begin, end = self._pick(words)
      word = self._pick(_NUMERALS if pattern == rb'\d+' else _WORDS)
      content = content[:begin] + word + content[end:]
    return content

  def json(self, content):
    """Replaces, drops or adds values, or changes the text."""
    if self._random.rand() < 0.3:
      return self.text(content)
    tree = json.loads(content.decode())
    for _ in range(self._few()):
      tree = self._changed(tree)
    return json.dumps(tree).encode()

  def graph(self, content):
    """Changes nodes, attributes and constants, or bytes."""
    if self._random.rand() < 0.3:
      return self.binary(content)
    graph_def = tf.GraphDef.FromString(content)
    self._change_graph(graph_def)
    return graph_def.SerializeToString(deterministic=True)

  def saved_model(self, content):
    """The same for the graph in a SavedModel."""
    from tensorflow.core.protobuf import saved_model_pb2

    if self._random.rand() < 0.5:
      return self.binary(content)
    saved = saved_model_pb2.SavedModel.FromString(content)
    self._change_graph(saved.meta_graphs[0].graph_def)
    return saved.SerializeToString(deterministic=True)

  def _pick(self, items):
    return items[self._random.randint(len(items))]

  def _few(self):
    return self._pick([1, 1, 1, 2, 4])

  def _span(self, size):
    return (
      self._random.randint(size + 1),
      int(self._pick([1, 2, 8, 64, 512])),
    )

  def _changed(self, tree):
    """A tree of JSON with one value changed."""
    if (
      not isinstance(tree, (dict, list))
      or not tree
      or self._random.rand() < 0.1
    ):
      return copy.deepcopy(self._pick(_ODD))
    key = self._pick(list(tree) if isinstance(tree, dict) else range(len(tree)))
    how = self._random.rand()
    if how < 0.1:
      del tree[key]
    elif how < 0.15 and isinstance(tree, dict):
      tree[str(self._pick(_ODD))] = tree.pop(key)
    else:
      tree[key] = self._changed(tree[key])
    return tree

  def _change_graph(self, graph_def):
    for _ in range(self._few()):
      if not graph_def.node:
        return
      node = self._pick(graph_def.node)
      change = self._pick(
        [
          self._change_op,
          self._change_inputs,
          self._change_attribute,
          self._change_attribute,
          self._change_constant,
          self._change_node,
        ]
      )
      change(graph_def, node)

  def _change_op(self, graph_def, node):
    others = [each.op for each in graph_def.node]
    node.op = self._pick(_OPS + others)

  def _change_inputs(self, graph_def, node):
    other = self._pick(graph_def.node).name
    reference = self._pick(
      ['', '^', ':0', ':1', ':99', ':x', '^:', ':99999999999999999999']
    )
    made = reference + other if reference == '^' else other + reference
    if not node.input or self._random.rand() < 0.2:
      node.input.append(made)
    elif self._random.rand() < 0.3:
      del node.input[self._random.randint(len(node.input))]
    else:
      node.input[self._random.randint(len(node.input))] = made

  def _change_node(self, graph_def, node):
    how = self._random.randint(4)
    if how == 0:
      graph_def.node.add().CopyFrom(node)
    elif how == 1:
      node.name = self._pick(['', 'a b', '/x', node.name + 'x', '..', 'image'])
    elif how == 2:
      graph_def.node.remove(node)
    else:
      node.device = self._pick(['/device:GPU:0', '/job:w/task:3', 'odd', '/'])

  def _change_attribute(self, graph_def, node):
    names = sorted(node.attr)
    if not names:
      return
    name = self._pick(names)
    value = node.attr[name]
    how = self._random.rand()
    if how < 0.1:
      del node.attr[name]
    elif how < 0.2:
      # As a newer TensorFlow's, or that of another op.
      other = self._pick(graph_def.node)
      if other.attr:
        key = self._pick(sorted(other.attr))
        node.attr[self._pick([key, name])].CopyFrom(other.attr[key])
    else:
      self._change_value(value)

  def _change_value(self, value):
    kind = value.WhichOneof('value')
    number = self._pick(_NUMBERS)
    if kind == 'i':
      value.i = number
    elif kind == 'f':
      value.f = self._pick([float('nan'), float('inf'), -1.0, 0.0, 1e38])
    elif kind == 'b':
      value.b = not value.b
    elif kind == 's':
      value.s = self._pick(
        [b'', b'\377', b'SAME', b'VALID', b'NCHW', b'x' * 99]
      )
    elif kind == 'type':
      value.type = int(self._random.randint(0, 130))
    elif kind == 'shape':
      self._change_shape(value.shape)
    elif kind == 'tensor':
      self._change_tensor(value.tensor)
    elif value.list.i:
      how = self._random.randint(3)
      at = self._random.randint(len(value.list.i))
      if how == 0:
        value.list.i[at] = number
      elif how == 1:
        value.list.i.append(number)
      else:
        del value.list.i[at]
    else:
      value.list.s.append(b'odd')

  def _change_shape(self, shape):
    if shape.dim and self._random.rand() < 0.7:
      self._pick(shape.dim).size = self._pick(_NUMBERS)
    elif self._random.rand() < 0.5:
      shape.dim.add(size=self._pick(_NUMBERS))
    else:
      shape.unknown_rank = True

  def _change_constant(self, graph_def, node):
    if 'value' in node.attr:
      self._change_tensor(node.attr['value'].tensor)

  def _change_tensor(self, tensor):
    how = self._random.randint(4)
    if how == 0:
      tensor.tensor_content = self.binary(tensor.tensor_content)
    elif how == 1:
      self._change_shape(tensor.tensor_shape)
    elif how == 2:
      tensor.dtype = int(self._random.randint(0, 130))
    elif tensor.int_val:
      tensor.int_val[0] = int(
        np.clip(self._pick(_NUMBERS), -(2**31), 2**31 - 1)
      )
    elif len(tensor.tensor_content) >= 4:
      at = self._random.randint(len(tensor.tensor_content) // 4) * 4
      odd = self._pick([b'\0\0\0\0', b'\xff\xff\xff\xff', b'\0\0\xc0\x7f'])
      content = tensor.tensor_content
      tensor.tensor_content = content[:at] + odd + content[at + 4 :]
