"""What share of a detector's latency a narrow one takes."""

import functools
from typing import Callable

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import inference_graph
from object_detection_pruning.common import sessions, timing

_ROUNDS = 10


class Comparer:
  """Times narrow networks beside the dense one, each op on one thread.

  Each measurement runs both by turns, so that a machine that gets slower or
  faster on the way does not mislead a search.
  """

  def __init__(self, dense: pipeline_pb2.TrainEvalPipelineConfig):
    """Starts the process that measures.

    Args:
      dense: pipeline config of the dense network.
    """
    self._timer = timing.Timer(intra_op=1, inter_op=1)
    self._dense = _maker(dense)

  def share(self, narrow: pipeline_pb2.TrainEvalPipelineConfig) -> float:
    """Gives a network's latency as a share of the dense one's.

    Args:
      narrow: pipeline config with the widths of the narrow network.
    """
    narrow_time, dense_time = self._timer.measure(
      [_maker(narrow), self._dense], rounds=_ROUNDS
    )
    return narrow_time.latency.median / dense_time.latency.median

  def __enter__(self) -> 'Comparer':
    return self

  def __exit__(self, *_) -> None:
    self._timer.close()


def _maker(config: pipeline_pb2.TrainEvalPipelineConfig) -> timing.Maker:
  return functools.partial(_runner, config.SerializeToString())


def _runner(serialized: bytes) -> Callable[[], object]:
  """Builds a detector with fresh weights, and runs it on an image of noise."""
  built = inference_graph.build(
    pipeline_pb2.TrainEvalPipelineConfig.FromString(serialized)
  )
  with built.graph.as_default():
    initializer = tf.global_variables_initializer()
  session = sessions.open_session(built.graph)
  session.run(initializer)
  image = np.random.RandomState(0).uniform(0, 255, built.image.shape.as_list())
  return lambda: session.run(built.outputs, {built.image: image})
