"""What a frozen graph costs."""

from typing import Any, Dict, List, Optional

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors, finite
from object_detection_pruning.graphs import (
  computed_kernels,
  float_constants,
  graph_outputs,
  importing,
  sample_feeds,
  stored_weights,
)
from object_detection_pruning.graphs.graph_index import GraphDef
from object_detection_pruning.inspection import graph_layers, uncounted_kernels
from object_detection_pruning.inspection.model_cost import LayerCost, ModelCost
from object_detection_pruning.sparse_ops import library, loading


def measure(graph_def: GraphDef, image: np.ndarray) -> ModelCost:
  """Counts weights and multiplications of what a graph is run for.

  Weights that are stored in fewer bits count as what they are computed with,
  and a kernel that is computed from constants as what it becomes. Other kernels
  are named.

  Args:
    graph_def: a frozen graph, plain or sparse, with one input. Of a detector
      that counts which its detections come from; of others, everything.
    image: uint8 [height, width, 3], RGB; the graph runs on it once, since the
      positions at which a kernel is applied can depend on the image's size.

  Raises:
    InputError: the graph has no input that an image fits.
  """
  outputs = graph_outputs.detection_outputs(graph_def)
  needed = tf.graph_util.extract_sub_graph(
    graph_def, [name.split(':')[0] for name in outputs]
  )
  needed = stored_weights.unpack(needed).graph_def
  needed = computed_kernels.compute(needed).graph_def
  layers = graph_layers.find(needed)
  shapes = _shapes(
    needed,
    [name for layer in layers for name in layer.applied],
    sample_feeds.make(needed, image),
  )
  vectors = list(graph_layers.vectors(needed))
  return ModelCost(
    [
      LayerCost(
        layer.name,
        layer.op,
        layer.weights.shape,
        int(np.count_nonzero(layer.weights)),
        _positions(layer, shapes),
      )
      for layer in layers
    ],
    int(sum(vector.size for vector in vectors)),
    int(sum(np.count_nonzero(vector) for vector in vectors)),
    tuple(finite.count(float_constants.find(needed)).items()),
    tuple(uncounted_kernels.find(needed)),
  )


def _positions(
  layer: graph_layers.GraphLayer, shapes: Optional[Dict[str, List[int]]]
) -> Optional[int]:
  if shapes is None:
    return None
  channels = 1 if layer.channels_first else -1
  return sum(
    int(np.prod(np.delete(shapes[name], channels))) for name in layer.applied
  )


def _shapes(
  graph_def: GraphDef, names: List[str], feeds: Dict[str, Any]
) -> Optional[Dict[str, List[int]]]:
  """Runs a graph and gives the shapes of tensors, None if it does not run."""
  if loading.uses_sparse_ops(graph_def):
    library.load()
  with tf.Graph().as_default() as graph:
    importing.import_graph(graph_def)
    fetches = {name: tf.shape(graph.get_tensor_by_name(name)) for name in names}
  with tf.Session(graph=graph) as session:
    try:
      found = importing.run(session, fetches, feeds)
    except errors.InputError as error:
      # A kernel within a loop has no one shape; one for GPUs does not run.
      tf.logging.error('no MACs are counted: %s', error)
      return None
  return {name: shape.tolist() for name, shape in found.items()}
