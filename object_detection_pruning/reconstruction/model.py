"""A detector as a frozen graph, whatever file it came from."""

import os
import tempfile
from typing import Dict, List, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors, project_log
from object_detection_pruning.export import exporter, graph_stripping
from object_detection_pruning.graphs import (
  freezing,
  graph_files,
  graph_index,
  graph_inputs,
  graph_outputs,
  stored_weights,
  subgraphs,
)
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.reconstruction import kernel_layers


class Model(NamedTuple):
  """A frozen graph and its ends.

  Attributes:
    graph_def: without variables and masks.
    input: the kind of input that photos go into.
    outputs: names of all its outputs.
    path: what it was read from, for messages.
  """

  graph_def: GraphDef
  input: graph_inputs.GraphInput
  outputs: List[str]
  path: str

  def feed(self, image: np.ndarray) -> np.ndarray:
    """Gives what to feed for a picture."""
    (node,) = [n for n in self.graph_def.node if n.name == self.input.name]
    shape = tf.TensorShape(node.attr['shape'].shape)
    return np.asarray(self.input.encode(image, shape))

  def detection_part(self) -> GraphDef:
    """Gives what `graph_outputs.detection_outputs` take."""
    wanted = graph_outputs.detection_outputs(self.graph_def)
    return subgraphs.extract(self.graph_def, map(graph_index.node_name, wanted))

  def layers(self) -> kernel_layers.Layers:
    """Finds the kernels that finding objects takes."""
    found = kernel_layers.find(self.graph_def, set(self.outputs))
    return found.within({node.name for node in self.detection_part().node})


def from_graph(path: str) -> Model:
  """Reads a frozen graph.

  Raises:
    InputError: it is no frozen graph, or has no input for images.
  """
  source = graph_files.read(path, runs=True)
  if source.checkpoint is not None or freezing.variables(source.graph_def):
    raise errors.InputError(
      f'{path} is not frozen: export it as a frozen graph, or name its '
      'pipeline config and checkpoint'
    )
  names = {node.name for node in source.graph_def.node}
  inputs = [each for each in graph_inputs.INPUTS if each.name in names]
  if not inputs:
    known = ' or '.join(each.name for each in graph_inputs.INPUTS)
    raise errors.InputError(f'{path} has no input {known}')
  outputs = []
  for ends in (graph_outputs.detection_outputs, graph_outputs.output_names):
    found = map(graph_index.node_name, ends(source.graph_def))
    outputs += [name for name in found if name not in outputs]
  graph_def = subgraphs.extract(source.graph_def, outputs)
  graph_def, unpacked = stored_weights.unpack(graph_def)
  if unpacked:
    project_log.say(
      f'{len(unpacked)} kernels and biases that are stored in fewer bits '
      'become float32'
    )
  if any(node.name.endswith('masked_weight') for node in graph_def.node):
    graph_def = graph_stripping.strip(graph_def, outputs).graph_def
  return Model(graph_def, inputs[0], outputs, path)


def from_checkpoint(config, checkpoint: str) -> Model:
  """Builds the inference graph of a config and freezes a checkpoint in it.

  Constants have the names of the variables. A model that is trained for 8 bits
  is built without their rounding.

  Args:
    config: pipeline config.
    checkpoint: prefix.

  Raises:
    InputError: they do not belong together.
  """
  in_floats = type(config)()
  in_floats.CopyFrom(config)
  in_floats.ClearField('graph_rewriter')
  with tempfile.TemporaryDirectory() as folder:
    exporter.export(in_floats, checkpoint, folder)
    read = from_graph(os.path.join(folder, exporter.FROZEN_GRAPH))
  return read._replace(path=checkpoint)


def with_values(model: Model, values: Dict[str, np.ndarray]) -> GraphDef:
  """Gives the model's graph with other constants."""
  return freezing.with_constants(model.graph_def, values)
