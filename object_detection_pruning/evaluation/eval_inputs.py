"""The evaluation images of a pipeline config, as its model takes them.

The stock input function decodes and resizes them, once.
"""

from typing import Dict, List, NamedTuple, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection import inputs
from object_detection.core import standard_fields
from object_detection.protos import input_reader_pb2, pipeline_pb2

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import record_reader
from object_detection_pruning.evaluation import coco_metrics

_Fields = standard_fields.InputDataFields
_SOURCE_ID = 'image/source_id'


class Image(NamedTuple):
  """One image, as the model takes it.

  Attributes:
    key: unique among the images; that of the stock evaluation where it can be.
    features: arrays by name, a batch of one.
    labels: the same of the ground truth.
  """

  key: int
  features: Dict[str, np.ndarray]
  labels: Dict[str, np.ndarray]

  @property
  def truth(self) -> coco_metrics.GroundTruth:
    """The objects, in pixels of the original."""
    height, width = self.features[_Fields.original_image_spatial_shape][0]
    scale = np.array([height, width, height, width], np.float32)
    boxes = self._of_objects(_Fields.groundtruth_boxes) * scale
    is_crowd = np.zeros(len(boxes), bool)
    if _Fields.groundtruth_is_crowd in self.labels:
      is_crowd = self._of_objects(_Fields.groundtruth_is_crowd).astype(bool)
    return coco_metrics.GroundTruth(
      self.key,
      boxes,
      self._of_objects(_Fields.groundtruth_classes).argmax(1) + 1,
      is_crowd,
    )

  def _of_objects(self, field: str) -> np.ndarray:
    number = int(self.labels[_Fields.num_groundtruth_boxes][0])
    return self.labels[field][0][:number]


def reader(
  config: pipeline_pb2.TrainEvalPipelineConfig,
) -> input_reader_pb2.InputReader:
  """Gives the first evaluation reader, set to read its files once in order.

  Raises:
    InputError: there is none, or its files are not there.
  """
  if not config.eval_input_reader:
    raise errors.InputError('the pipeline config has no eval_input_reader')
  result = input_reader_pb2.InputReader()
  result.CopyFrom(config.eval_input_reader[0])
  result.num_epochs = 1
  result.shuffle = False
  result.num_readers = 1
  result.ClearField('sample_1_of_n_examples')
  name_files(result, 'evaluation record')
  if not tf.gfile.Exists(result.label_map_path):
    raise errors.InputError(f'no label map at {result.label_map_path!r}')
  return result


def name_files(input_reader: input_reader_pb2.InputReader, what: str) -> None:
  """Puts the files themselves, in order, instead of patterns.

  Args:
    input_reader: the reader to change.
    what: it reads, for the error.

  Raises:
    InputError: a pattern stands for no file.
  """
  found = record_reader.find(
    list(input_reader.tf_record_input_reader.input_path), what
  )
  input_reader.tf_record_input_reader.input_path[:] = found


def serialized(
  input_reader: input_reader_pb2.InputReader,
  limit: Optional[int] = None,
  what: str = 'evaluation set',
) -> List[bytes]:
  """Reads the examples as they are in the files.

  Args:
    input_reader: its files are named one by one, as by `reader`.
    limit: how many at most; None for all.
    what: they are, for the error.

  Raises:
    InputError: there are none, or a file is damaged.
  """
  paths = list(input_reader.tf_record_input_reader.input_path)
  found = [record.data for record in record_reader.read(paths, limit)]
  record_reader.check_not_empty(len(found), what, paths)
  return found


def load(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  input_reader: input_reader_pb2.InputReader,
  examples: List[bytes],
) -> List[Image]:
  """Decodes and resizes the images with the stock input function.

  Args:
    config: the pipeline config.
    input_reader: from `reader`.
    examples: from `serialized`; as many are read.
  """
  eval_config = type(config.eval_config)()
  eval_config.CopyFrom(config.eval_config)
  eval_config.batch_size = 1
  eval_config.retain_original_images = False
  with tf.Graph().as_default(), tf.Session() as session:
    dataset = inputs.create_eval_input_fn(
      eval_config, input_reader, config.model
    )().take(len(examples))
    iterator = dataset.make_initializable_iterator()
    upcoming = iterator.get_next()
    session.run([iterator.initializer, tf.tables_initializer()])
    batches = [session.run(upcoming) for _ in examples]
  keys = _keys(examples, batches)
  return [Image(key, *batch) for key, batch in zip(keys, batches)]


def _keys(examples: List[bytes], batches) -> List[int]:
  # The order of keys decides between detections of equal score, so that of the
  # stock evaluation is kept; it draws random ones for images without a name.
  hashed = [int(features[inputs.HASH_KEY][0]) for features, _ in batches]
  if all(map(_has_name, examples)) and len(set(hashed)) == len(hashed):
    return hashed
  return list(range(1, len(examples) + 1))


def _has_name(example: bytes) -> bool:
  features = tf.train.Example.FromString(example).features.feature
  return any(features[_SOURCE_ID].bytes_list.value)
