"""Tells what kind of model lies at a path."""

import os

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import graph_files
from object_detection_pruning.inference import saved_model
from object_detection_pruning.sparse_ops import loading

FROZEN_GRAPH = 'frozen graph'
SPARSE_GRAPH = 'sparse graph'
SAVED_MODEL = 'SavedModel'
TFLITE = 'TFLite'

_EXPORTED_GRAPH = 'frozen_inference_graph.pb'
# Behind the offset of the root table, as FlatBuffers has it.
_TFLITE_IDENTIFIER = slice(4, 8), b'TFL3'


def kind_of(path: str) -> str:
  """Tells the kind of an exported model, by its content.

  Args:
    path: a file, or the folder of a SavedModel.

  Returns:
    `FROZEN_GRAPH`, `SPARSE_GRAPH`, `SAVED_MODEL` or `TFLITE`.

  Raises:
    InputError: there is nothing at the path, or none of these.
  """
  if not os.path.exists(path):
    raise errors.InputError(f'no such model: {path}')
  if os.path.isdir(path):
    return _kind_of_folder(path)
  with open(path, 'rb') as file:
    start = file.read(8)
  offset, identifier = _TFLITE_IDENTIFIER
  if start[offset] == identifier:
    return TFLITE
  try:
    graph_def = graph_files.parse_frozen_graph(path)
  except errors.InputError:
    raise errors.InputError(
      f'{path} is no model: it must be a frozen graph (.pb), a sparse graph '
      '(.pb), the folder of a SavedModel, or a .tflite file'
    )
  if loading.uses_sparse_ops(graph_def):
    return SPARSE_GRAPH
  return FROZEN_GRAPH


def is_export(path: str) -> bool:
  """Whether a folder is a SavedModel, or one that the exporter wrote."""
  return any(
    os.path.exists(os.path.join(path, name))
    for name in (saved_model.FILE_NAME, _EXPORTED_GRAPH)
  )


def _kind_of_folder(path: str) -> str:
  if os.path.exists(os.path.join(path, saved_model.FILE_NAME)):
    return SAVED_MODEL
  if os.path.exists(os.path.join(path, _EXPORTED_GRAPH)):
    raise errors.InputError(
      f'{path} holds several models: name the frozen graph '
      f'{os.path.join(path, _EXPORTED_GRAPH)} or the SavedModel beside it'
    )
  raise errors.InputError(f'{path} is a folder without a SavedModel')
