"""How long the inference graph of a plan takes."""

import statistics
import time

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import inference_graph
from object_detection_pruning.common import sessions

_WARM_UP = 2


def measure(
  config: pipeline_pb2.TrainEvalPipelineConfig, runs: int = 10
) -> float:
  """Times a detector on one thread, with fresh weights and a noise image.

  Args:
    config: pipeline config, with the widths of a narrow network if it is one.
    runs: number of runs.

  Returns:
    Median milliseconds of a run, without the first ones.
  """
  built = inference_graph.build(config)
  with built.graph.as_default():
    initializer = tf.global_variables_initializer()
  image = np.random.RandomState(0).uniform(0, 255, built.image.shape.as_list())
  times = []
  with sessions.open_session(built.graph, 1, 1) as session:
    session.run(initializer)
    for _ in range(_WARM_UP + runs):
      start = time.perf_counter()
      session.run(built.outputs, {built.image: image})
      times.append(time.perf_counter() - start)
  return statistics.median(times[_WARM_UP:]) * 1e3
