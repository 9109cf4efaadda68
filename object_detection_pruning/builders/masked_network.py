"""The masked kernels of a detector, without its data and its weights."""

import contextlib
from typing import Any, Dict, Iterator, List, NamedTuple

import tensorflow.compat.v1 as tf
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import (
  inference_graph,
  pipeline,
  pruning_builder,
)
from object_detection_pruning.common import errors
from object_detection_pruning.core import masking


class MaskedNetwork(NamedTuple):
  """What training builds, as far as pruning goes.

  Attributes:
    kernels: that have masks.
    restored: what the stock code takes from the `fine_tune_checkpoint`, where
      that has it: names there, by the names of the variables.
  """

  kernels: List[masking.MaskedKernel]
  restored: Dict[str, str]


def kernels(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> List[masking.MaskedKernel]:
  """Lists the masked kernels of a detector.

  Args:
    config: the pipeline config, with masks and widths in its `pruning` message.

  Raises:
    InputError: a pattern is broken.
  """
  with _built(config):
    return masking.masked_kernels()


def build(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  settings: pruning_builder.PruningSettings,
) -> MaskedNetwork:
  """Builds a detector in a graph of its own.

  Args:
    config: as for `kernels`.
    settings: of its `pruning` message.

  Raises:
    InputError: a pattern is broken, is found in no layer, or leaves none; or
      nothing can start as the config says.
  """
  with _built(config) as model:
    pruning_builder.check_patterns(settings)
    pruning_builder.check_some_masked()
    return MaskedNetwork(masking.masked_kernels(), _restored(config, model))


@contextlib.contextmanager
def _built(config: pipeline_pb2.TrainEvalPipelineConfig) -> Iterator[Any]:
  message = pipeline.pruning_message(config)
  with tf.Graph().as_default(), pruning_builder.network_scope(message):
    model = model_builder.build(config.model, is_training=False)
    size = inference_graph.image_size(config)
    model.predict(*model.preprocess(tf.zeros([1] + size + [3])))
    yield model


def _restored(
  config: pipeline_pb2.TrainEvalPipelineConfig, model: Any
) -> Dict[str, str]:
  train = config.train_config
  if not train.fine_tune_checkpoint:
    return {}
  try:
    found = model.restore_map(
      # Older configs have a field for each kind.
      fine_tune_checkpoint_type=train.fine_tune_checkpoint_type
      or ('detection' if train.from_detection_checkpoint else 'classification'),
      load_all_detection_checkpoint_vars=(
        train.load_all_detection_checkpoint_vars
      ),
    )
  except ValueError as error:
    raise errors.InputError(str(error))
  return {variable.op.name: name for name, variable in found.items()}
