"""Runs a detection graph in a session, whatever file it came from."""

from typing import Dict

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import graph_inputs, importing
from object_detection_pruning.inference.detector import Detector

REQUIRED_OUTPUTS = (
  'num_detections',
  'detection_boxes',
  'detection_scores',
  'detection_classes',
)
OPTIONAL_OUTPUTS = ('detection_masks',)


class GraphDetector(Detector):
  """A session with a detection graph in it.

  Args:
    session: has the graph and the values of its variables, if there are any.
    path: what the graph was read from, for messages.
    graph_input: the kind of input that images go into.
    placeholder: that input.
    outputs: by the Object Detection API's names.
  """

  def __init__(
    self,
    session: tf.Session,
    path: str,
    graph_input: graph_inputs.GraphInput,
    placeholder: tf.Tensor,
    outputs: Dict[str, tf.Tensor],
  ):
    self._session = session
    self._path = path
    self._input = graph_input
    self._placeholder = placeholder
    self._outputs = outputs

  def run(self, image: np.ndarray) -> Dict[str, np.ndarray]:
    fed = self._input.encode(image, self._placeholder.shape)
    outputs = importing.run(
      self._session, self._outputs, {self._placeholder: fed}, self._path
    )
    for name, batch in outputs.items():
      if np.ndim(batch) < 1 or not len(batch):
        raise errors.InputError(
          f'{self._path} gives {name} without a batch: its shape is '
          f'{list(np.shape(batch))}'
        )
    return {name: batch[0] for name, batch in outputs.items()}


def refuse_missing(path: str, what: str, missing) -> None:
  """Refuses a file that lacks parts of a detection graph.

  Args:
    path: of the file.
    what: kind of the parts, 'input' or 'output'.
    missing: their names; none is fine.

  Raises:
    InputError: some are missing.
  """
  if missing:
    raise errors.InputError(
      f'{path} is no detection graph: it has no {what} '
      + ', '.join(sorted(missing))
    )
