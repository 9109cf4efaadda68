"""How large photos are kept: as large as a detector looks at them."""

import re
from typing import List, NamedTuple, Optional

import tensorflow.compat.v1 as tf
from object_detection.protos import pipeline_pb2

from object_detection_pruning.graphs import graph_files, graph_inputs
from object_detection_pruning.graphs.graph_index import GraphDef, NodeDef

# Photos are kept as large as this for small detectors too. Most of the default
# configs of the Object Detection API look at no more.
_LEAST = 1024
# More is cut, since all photos are in memory at once.
_MOST = 2048
# The constants of the stock resizers: [height, width], or the least side and
# the longest one of a photo.
_FIXED = re.compile(r'(^|/)ResizeImage/stack$')
_IN_RANGE = re.compile(r'(^|/)ResizeToRange/cond/stack$')


class PhotoSize(NamedTuple):
  """What a detector scales photos to.

  Attributes:
    shortest: pixels of the shorter side of a photo.
    longest: most pixels of the longer side, which may leave fewer to the
      shorter one.
  """

  shortest: int
  longest: int

  def longer_side(self, width: int, height: int) -> int:
    """Gives how long the longer side of a photo is kept.

    It is 1,024 pixels where the detector looks at fewer, and 2,048 where it
    looks at more.

    Args:
      width: of the photo.
      height: of the photo.
    """
    short, long = sorted((width, height))
    wanted = min(-(-self.shortest * long // short), self.longest, _MOST)
    return min(max(wanted, _LEAST), long)


# Of a detector that nobody knows the size of.
USUAL = PhotoSize(_LEAST, _LEAST)


def of_config(config: pipeline_pb2.TrainEvalPipelineConfig) -> PhotoSize:
  """Gives the size that the image resizer of a config scales photos to."""
  model = getattr(config.model, config.model.WhichOneof('model') or '', None)
  resizer = getattr(model, 'image_resizer', None)
  if resizer is None:
    return USUAL
  kind = resizer.WhichOneof('image_resizer_oneof')
  settings = getattr(resizer, kind or '', None)
  if kind == 'fixed_shape_resizer':
    return _covering([settings.height, settings.width])
  if kind == 'keep_aspect_ratio_resizer':
    return PhotoSize(settings.min_dimension, settings.max_dimension)
  return USUAL


def of_graph(graph_def: GraphDef) -> PhotoSize:
  """Gives the size that an exported graph scales photos to, where it tells.

  Args:
    graph_def: as the stock exporter makes it. One that other tools have renamed
      tells nothing.
  """
  for node in graph_def.node:
    if node.op == 'Placeholder' and node.name == graph_inputs.INPUTS[0].name:
      sides = [dim.size for dim in node.attr['shape'].shape.dim[1:3]]
      if len(sides) == 2 and min(sides) > 0:
        return _covering(sides)
  for node in graph_def.node:
    for pattern, size in ((_FIXED, _covering), (_IN_RANGE, _in_range)):
      if pattern.search(node.name):
        sides = _two_sides(node)
        if sides:
          return size(sides)
  return USUAL


def of_graph_file(path: str) -> PhotoSize:
  """Gives the same of a file.

  Raises:
    InputError: it holds no graph that can be used.
  """
  return of_graph(graph_files.read(path).graph_def)


def _two_sides(node: NodeDef) -> Optional[List[int]]:
  """The values of a constant of two sizes; None of any other node."""
  tensor = node.attr['value'].tensor if node.op == 'Const' else None
  if tensor is None or [dim.size for dim in tensor.tensor_shape.dim] != [2]:
    return None
  value = tf.make_ndarray(tensor)
  if value.dtype.kind != 'i' or value.min() < 1:
    return None
  return value.tolist()


def _covering(sides: List[int]) -> PhotoSize:
  # A photo is stretched to them, whichever of its sides is longer.
  return PhotoSize(max(sides), _MOST)


def _in_range(sides: List[int]) -> PhotoSize:
  return PhotoSize(*sides)
