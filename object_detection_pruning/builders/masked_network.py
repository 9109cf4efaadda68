"""The masked kernels of a detector, without its data and its weights."""

from typing import List, Optional

import tensorflow.compat.v1 as tf
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import (
  inference_graph,
  pipeline,
  pruning_builder,
)
from object_detection_pruning.core import masking


def kernels(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  settings: Optional[pruning_builder.PruningSettings] = None,
) -> List[masking.MaskedKernel]:
  """Builds a detector in a graph of its own and lists its masked kernels.

  Args:
    config: the pipeline config, with masks and widths in its `pruning` message.
    settings: of the message, where its patterns must be found, and leave
      something to mask; None where they need not.

  Raises:
    InputError: a pattern is broken, is found in no layer, or leaves none.
  """
  message = pipeline.pruning_message(config)
  with tf.Graph().as_default(), pruning_builder.network_scope(message):
    model = model_builder.build(config.model, is_training=False)
    size = inference_graph.image_size(config)
    model.predict(*model.preprocess(tf.zeros([1] + size + [3])))
    if settings is not None:
      pruning_builder.check_patterns(settings)
      pruning_builder.check_some_masked()
    return masking.masked_kernels()
