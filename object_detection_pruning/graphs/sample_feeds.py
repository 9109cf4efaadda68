"""Something to feed a frozen graph with, for measuring it."""

from typing import Any, Dict, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from PIL import Image

from object_detection_pruning.common import errors, pictures
from object_detection_pruning.graphs import graph_inputs
from object_detection_pruning.graphs.graph_index import (
  GraphDef,
  NodeDef,
  attribute,
)

# An image of 480x640 whose squares survive being scaled down.
_MADE_UP_SQUARES = (30, 40, 3)
_SQUARE = 16


def make(graph_def: GraphDef, image: np.ndarray) -> Dict[str, Any]:
  """Feeds for every placeholder of a graph.

  Args:
    graph_def: a frozen graph with one input.
    image: uint8 [height, width, 3], RGB.

  Returns:
    A value by tensor name.

  Raises:
    InputError: the graph has not exactly one placeholder, or one of a type or
      shape that no image fits.
  """
  placeholders = [n for n in graph_def.node if n.op == 'Placeholder']
  if len(placeholders) != 1:
    raise errors.InputError(
      f'the graph must have one placeholder, got {len(placeholders)}'
    )
  node = placeholders[0]
  shape = tf.TensorShape(attribute(node, 'shape').shape)
  for known in graph_inputs.INPUTS:
    if known.name == node.name:
      return {node.name + ':0': known.encode(image, shape)}
  return {node.name + ':0': _as_floats(node, image, shape)}


def read_image(path: Optional[str]) -> np.ndarray:
  """Reads an image; None makes up one of noise.

  Returns:
    uint8 [height, width, 3], RGB.

  Raises:
    InputError: the file is no image.
  """
  if path is None:
    random = np.random.RandomState(0)
    squares = random.randint(0, 256, _MADE_UP_SQUARES).astype(np.uint8)
    return squares.repeat(_SQUARE, axis=0).repeat(_SQUARE, axis=1)
  try:
    with Image.open(path) as image:
      return np.array(pictures.to_rgb(image))
  # Pillow's decoders raise anything at all on bytes that make no sense.
  except Exception as error:
    raise errors.InputError(f'{path} is no image: {error}')


def _as_floats(
  node: NodeDef, image: np.ndarray, shape: tf.TensorShape
) -> np.ndarray:
  """The image in [-1, 1], as detectors without preprocessing take it."""
  is_float = attribute(node, 'dtype').type == tf.float32.as_datatype_enum
  if not is_float or shape.ndims != 4 or shape[3].value not in (None, 3):
    raise errors.InputError(
      f'placeholder {node.name} takes no image: {shape} of type number '
      f'{attribute(node, "dtype").type}'
    )
  height = shape[1].value or image.shape[0]
  width = shape[2].value or image.shape[1]
  graph_inputs.check_size(width, height, shape[0].value or 1)
  resized = Image.fromarray(image).resize((width, height), Image.BILINEAR)
  batch = np.asarray(resized, np.float32)[np.newaxis] / 127.5 - 1
  return np.repeat(batch, shape[0].value or 1, axis=0)
