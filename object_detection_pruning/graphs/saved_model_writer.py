"""Writes a frozen graph as a SavedModel."""

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import atomic_files
from object_detection_pruning.graphs import graph_outputs, importing
from object_detection_pruning.graphs.graph_index import GraphDef

_INPUT_KEY = 'inputs'


def write(graph_def: GraphDef, folder: str) -> None:
  """Writes a SavedModel with one signature, replacing what is in `folder`.

  The input is called `inputs`, as the stock exporter has it; outputs have the
  names of their nodes. The ops of the graph must be known to TensorFlow.

  Args:
    graph_def: a frozen graph with one placeholder.
    folder: of the SavedModel.
  """
  with atomic_files.writing_folder(folder) as written:
    _write(graph_def, written)


def _write(graph_def: GraphDef, folder: str) -> None:
  placeholders = [n.name for n in graph_def.node if n.op == 'Placeholder']
  graph = tf.Graph()
  with graph.as_default(), tf.Session(graph=graph) as session:
    importing.import_graph(graph_def)

    def info(tensor_name):
      return tf.saved_model.build_tensor_info(
        graph.get_tensor_by_name(tensor_name)
      )

    names = tf.saved_model.signature_constants
    signature = tf.saved_model.build_signature_def(
      inputs={_INPUT_KEY: info(placeholders[0] + ':0')},
      outputs={
        name[: -len(':0')]: info(name)
        for name in graph_outputs.output_names(graph_def)
      },
      method_name=names.PREDICT_METHOD_NAME,
    )
    builder = tf.saved_model.Builder(folder)
    builder.add_meta_graph_and_variables(
      session,
      [tf.saved_model.tag_constants.SERVING],
      signature_def_map={names.DEFAULT_SERVING_SIGNATURE_DEF_KEY: signature},
      strip_default_attrs=True,
    )
    builder.save()
