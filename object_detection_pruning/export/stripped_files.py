"""From a graph with masks, in whatever file, to a stripped frozen graph."""

import os
import shutil
from typing import List, Sequence

from tensorflow.core.protobuf import saved_model_pb2

from object_detection_pruning.common import (
  atomic_files,
  checkpoints,
  errors,
  paths,
)
from object_detection_pruning.export import graph_stripping
from object_detection_pruning.graphs import freezing, portable, subgraphs
from object_detection_pruning.graphs.graph_files import (
  SAVED_MODEL_FILE,
  GraphDef,
  GraphSource,
)

SAVED_MODEL = 'saved_model'
# What a SavedModel runs when it is loaded, tables and their files.
_INITIALIZING = ('legacy_init_op', 'saved_model_main_op', 'table_initializer')


def strip(
  source: GraphSource, outputs: Sequence[str] = ()
) -> graph_stripping.StrippedGraph:
  """Freezes a graph and takes the pruning variables out of it.

  Args:
    source: the graph; used up by this.
    outputs: names of the nodes to keep; none: all outputs of a frozen graph or
      of the signatures of a SavedModel.

  Raises:
    InputError: the graph lacks an output, has no values for its variables, or
      there is nothing to strip.
  """
  outputs = _outputs(source, outputs)
  extracted = subgraphs.extract(source.graph_def, outputs)
  source.graph_def.Clear()
  freeze(extracted, source)
  return graph_stripping.strip(extracted, outputs)


def write(
  stripped: graph_stripping.StrippedGraph,
  source: GraphSource,
  output_dir: str,
  filename: str,
) -> List[str]:
  """Writes the frozen graph and, where a SavedModel was read, one of those.

  Args:
    stripped: what `strip` gave.
    source: what it was made of.
    output_dir: folder to write to.
    filename: of the frozen graph in it.

  Returns:
    The paths that were written.
  """
  written = [os.path.join(output_dir, filename)]
  with atomic_files.writing(written[0]) as (partial,):
    with open(partial, 'wb') as file:
      file.write(portable.serialized(stripped.graph_def))
    if source.meta_graph is not None:
      written.append(os.path.join(output_dir, SAVED_MODEL))
      _write_saved_model(stripped.graph_def, source, written[1])
  return written


def check_paths(
  source: str, output_dir: str, filename: str, overwrite: bool = False
) -> None:
  """Refuses to write where it cannot be, or over what is there.

  Args:
    source: path of the input.
    output_dir: see `write`.
    filename: see `write`.
    overwrite: whether an older result may be replaced; the input never is.

  Raises:
    InputError: the folder is a file, the file a folder, or something would be
      replaced.
  """
  if not filename or os.path.basename(filename) != filename:
    raise errors.InputError(
      f'filename must be a name without folders, got {filename!r}'
    )
  paths.folder_to_write('output_dir', output_dir)
  path = os.path.join(output_dir, filename)
  if os.path.isdir(path):
    raise errors.InputError(f'{path} is a folder: choose another filename')
  folder = os.path.join(output_dir, SAVED_MODEL)
  for ours in (path, folder, os.path.join(folder, SAVED_MODEL_FILE)):
    if os.path.realpath(ours) == os.path.realpath(source):
      raise errors.InputError(
        f'{ours} would replace the input: choose another output_dir'
      )
  paths.refuse_existing(path, overwrite=overwrite)
  if _is_saved_model(source):
    paths.refuse_existing(folder, overwrite=overwrite)


def _is_saved_model(path: str) -> bool:
  in_folder = os.path.isfile(os.path.join(path, SAVED_MODEL_FILE))
  return in_folder or os.path.basename(path) == SAVED_MODEL_FILE


def _outputs(source: GraphSource, named: Sequence[str]) -> List[str]:
  kept = [name.split(':')[0] for name in named]
  if not kept and source.meta_graph is not None:
    kept = source.signature_outputs
    if not kept:
      raise errors.InputError(
        f'{source.path} has no signature: name the outputs to keep'
      )
  elif not kept:
    if freezing.variables(source.graph_def):
      raise errors.InputError(
        f'{source.path} is not frozen, so it may do more than detect: name the '
        'outputs to keep'
      )
    kept = subgraphs.sinks(source.graph_def)
  if source.meta_graph is not None:
    # A signature with an input that is gone cannot be loaded.
    kept = kept + source.signature_inputs + _initializers(source)
  subgraphs.check_outputs(source.graph_def, kept)
  return list(dict.fromkeys(kept))


def _initializers(source: GraphSource) -> List[str]:
  collections = source.meta_graph.collection_def
  return [
    name.split(':')[0]
    for key in _INITIALIZING
    if key in collections
    for name in collections[key].node_list.value
  ]


def freeze(graph_def: GraphDef, source: GraphSource) -> None:
  """Makes the variables of a graph constants, in place.

  Args:
    graph_def: a part of the source's graph, without nodes that its outputs do
      not need.
    source: says where the values are.

  Raises:
    InputError: there are no values for a variable.
  """
  found = freezing.variables(graph_def)
  if not found:
    return
  if source.checkpoint is None:
    raise errors.InputError(
      f'{source.path} is not frozen: it has {len(found)} variables without '
      'values; give their checkpoint'
    )
  shapes = checkpoints.shapes(source.checkpoint)
  missing = [node.name for node in found if node.name not in shapes]
  if missing:
    raise errors.InputError(
      f'{len(missing)} variables of {source.path} are not in the checkpoint '
      f'{source.checkpoint}, {missing[0]} for one'
    )
  freezing.freeze(graph_def, checkpoints.lookup(source.checkpoint))


def _write_saved_model(
  graph_def: GraphDef, source: GraphSource, folder: str
) -> None:
  names = {node.name for node in graph_def.node}
  saved_model = saved_model_pb2.SavedModel(saved_model_schema_version=1)
  meta_graph = saved_model.meta_graphs.add()
  meta_graph.CopyFrom(source.meta_graph)
  meta_graph.ClearField('saver_def')
  meta_graph.graph_def.CopyFrom(graph_def)
  for key in set(meta_graph.collection_def) - set(_INITIALIZING):
    del meta_graph.collection_def[key]
  for key, signature in list(meta_graph.signature_def.items()):
    if any(
      info.name.split(':')[0] not in names
      for info in signature.outputs.values()
    ):
      del meta_graph.signature_def[key]
  assets = os.path.join(os.path.dirname(source.path), 'assets')
  with atomic_files.writing_folder(folder) as made:
    os.makedirs(os.path.join(made, 'variables'))
    if os.path.isdir(assets):
      shutil.copytree(assets, os.path.join(made, 'assets'))
    with open(os.path.join(made, SAVED_MODEL_FILE), 'wb') as file:
      file.write(saved_model.SerializeToString())
