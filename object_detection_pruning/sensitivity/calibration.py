"""Batch-norm statistics of a changed network, from the same batches each time.

The training images are read one by one in order, and augmented with fixed
seeds, so that a run that was killed, or a shard of one, meets the very batches
of another.
"""

from typing import Dict, List, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection import inputs
from object_detection.protos import input_reader_pb2, pipeline_pb2

from object_detection_pruning.batch_norm import moving_statistics
from object_detection_pruning.builders import training_graph
from object_detection_pruning.common import errors, hashes, progress, sessions
from object_detection_pruning.evaluation import cut_graph, eval_inputs, frontier
from object_detection_pruning.sensitivity import fingerprints

nest = tf.nest
_SEED = 1
# What of a training section decides which batches come.
_INPUT_FIELDS = (
  'batch_size',
  'data_augmentation_options',
  'max_number_of_boxes',
  'merge_multiple_label_boxes',
  'unpad_groundtruth_tensors',
)


class Calibrator:
  """A training graph with its batches in memory."""

  def __init__(
    self,
    config: pipeline_pb2.TrainEvalPipelineConfig,
    tensors: Dict[str, np.ndarray],
    num_batches: int,
    threads: Optional[int] = None,
    cache_megabytes: int = 2048,
  ):
    """Builds the graph, restores it and reads the batches.

    Args:
      config: the pipeline config.
      tensors: the checkpoint by name, with masks if its model has any.
      num_batches: training batches to average over.
      threads: batches that are run at a time; None for the number of cores.
      cache_megabytes: most memory for activations before a layer.

    Raises:
      InputError: no batch norm is trained, or there are too few images.
    """
    self._tensors = tensors
    batches = _read(config, num_batches)
    with tf.Graph().as_default() as graph:
      training_graph.build(config)
      self._statistics = moving_statistics.trained_statistics()
      if not self._statistics:
        raise errors.InputError(
          'recalibrate_batch_norm must be 0: the model trains no batch norm'
        )
      self._variables = {v.op.name: v for v in tf.global_variables()}
      session = training_graph.restored_session(
        tensors,
        sessions.config(
          intra_op=1, inter_op=threads or sessions.cores(), rewrite=False
        ),
      )
    self._fetches = moving_statistics.Averages(self._statistics).fetches
    self._graph = cut_graph.CutGraph(
      session,
      _batch_tensors(graph),
      nest.flatten(self._fetches),
      batches,
      threads,
      cache_megabytes,
    )

  def depending_on(self, variables: Sequence[str]) -> List[str]:
    """Names the statistics that other values of these variables change."""
    ops = [self._variables[name].op for name in variables]
    reached = frontier.descendants(ops, ops[0].graph.get_operations())
    return [
      statistic.variable.op.name
      for statistic in self._statistics
      if any(value.op in reached for value in statistic.batch_values)
    ]

  def statistics(
    self,
    variables: Sequence[str] = (),
    changes: Optional[Dict[str, np.ndarray]] = None,
  ) -> Dict[str, np.ndarray]:
    """Gives all statistics by name, where some variables are changed.

    Args:
      variables: names of all that a layer's points change; see `Evaluator`.
      changes: values by name, of these variables.
    """
    changes = changes or {}
    if variables:
      self._graph.cut_for(variables)
    self._graph.load(changes)
    averages = moving_statistics.Averages(self._statistics)
    for values in self._graph.run():
      averages.add(nest.pack_sequence_as(self._fetches, values))
    self._graph.load({name: self._tensors[name] for name in changes})
    return averages.result()

  def close(self) -> None:
    """Frees the session and its threads."""
    self._graph.close()


def fingerprint(
  config: pipeline_pb2.TrainEvalPipelineConfig, num_batches: int
) -> str:
  """Gives a hash of the batches that other training input does not have.

  Raises:
    InputError: there are no images, or a file is damaged.
  """
  reader = _in_order(config)
  settings = type(config.train_config)()
  settings.CopyFrom(config.train_config)
  for field, _ in settings.ListFields():
    if field.name not in _INPUT_FIELDS:
      settings.ClearField(field.name)
  needed = num_batches * settings.batch_size
  examples = eval_inputs.serialized(
    reader, needed * max(1, reader.sample_1_of_n_examples), 'training input'
  )
  content = fingerprints.of_examples(reader, examples)
  # The same images may lie elsewhere.
  reader.ClearField('label_map_path')
  reader.ClearField('tf_record_input_reader')
  return hashes.of_parts(
    [
      content.encode(),
      reader.SerializeToString(deterministic=True),
      settings.SerializeToString(deterministic=True),
    ]
  )


def _read(
  config: pipeline_pb2.TrainEvalPipelineConfig, num_batches: int
) -> List[List[np.ndarray]]:
  """Reads training batches, as lists in the order of the graph's tensors."""
  reader = _in_order(config)
  train_config = type(config.train_config)()
  train_config.CopyFrom(config.train_config)
  size, train_config.batch_size = train_config.batch_size, 1
  images = []
  with tf.Graph().as_default() as graph:
    # The choice between weighted files has a seed that is no attribute.
    tf.set_random_seed(_SEED)
    dataset = inputs.create_train_input_fn(train_config, reader, config.model)()
    iterator = dataset.make_initializable_iterator()
    upcoming = [tensor.name for tensor in nest.flatten(iterator.get_next())]
    starts = [iterator.initializer.name, tf.tables_initializer().name]
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(_seeded(graph.as_graph_def()), name='')
    session.run(starts)
    for _ in progress.over(range(num_batches * size), 'training images'):
      try:
        images.append(session.run(upcoming))
      except tf.errors.OutOfRangeError:
        raise errors.InputError(
          f'the training input ended before {num_batches} batches'
        )
  return [
    [np.concatenate(parts) for parts in zip(*images[start : start + size])]
    for start in range(0, len(images), size)
  ]


def _seeded(graph: tf.GraphDef) -> tf.GraphDef:
  """Sets all seeds of a graph; a graph's own does not reach its functions."""
  nodes = [graph.node] + [each.node_def for each in graph.library.function]
  for part in nodes:
    for number, node in enumerate(part, 1):
      if 'seed2' in node.attr:
        node.attr['seed'].i = _SEED
        node.attr['seed2'].i = number
  return graph


def _in_order(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> input_reader_pb2.InputReader:
  result = input_reader_pb2.InputReader()
  result.CopyFrom(config.train_input_reader)
  result.shuffle = False
  result.num_readers = 1
  # Images that are read side by side would race for the random numbers.
  result.num_parallel_batches = 1
  eval_inputs.name_files(result, 'training input')
  return result


def _batch_tensors(graph: tf.Graph) -> List[tf.Tensor]:
  (batch,) = [
    op for op in graph.get_operations() if op.type.startswith('IteratorGetNext')
  ]
  return list(batch.outputs)
