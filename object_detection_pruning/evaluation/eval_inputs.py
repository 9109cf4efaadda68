"""The evaluation images of a pipeline config, as its model takes them.

The stock input function decodes and resizes them, once.
"""

from typing import Dict, List, NamedTuple, Optional

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection import eval_util, inputs
from object_detection.core import standard_fields
from object_detection.protos import input_reader_pb2, pipeline_pb2

from object_detection_pruning.builders import dataset_weights
from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import record_reader
from object_detection_pruning.evaluation import coco_metrics

_Fields = standard_fields.InputDataFields
_Results = standard_fields.DetectionResultFields
_SOURCE_ID = 'image/source_id'


class Image(NamedTuple):
  """One image, as the model takes it.

  Attributes:
    key: unique among the images; that of the stock evaluation where it can be.
    features: arrays by name, a batch of one.
    labels: the same of the ground truth, as the loss takes it: newer stock
      inputs give boxes in fractions of the padded image.
    boxes: float32 [1, n, 4], those of the labels in fractions of the original.
  """

  key: int
  features: Dict[str, np.ndarray]
  labels: Dict[str, np.ndarray]
  boxes: np.ndarray

  @property
  def truth(self) -> coco_metrics.GroundTruth:
    """The objects, in pixels of the original."""
    height, width = self.features[_Fields.original_image_spatial_shape][0]
    scale = np.array([height, width, height, width], np.float32)
    boxes = self._of_objects(self.boxes) * scale
    is_crowd = np.zeros(len(boxes), bool)
    if _Fields.groundtruth_is_crowd in self.labels:
      crowds = self.labels[_Fields.groundtruth_is_crowd]
      is_crowd = self._of_objects(crowds).astype(bool)
    classes = self._of_objects(self.labels[_Fields.groundtruth_classes])
    return coco_metrics.GroundTruth(
      self.key, boxes, classes.argmax(1) + 1, is_crowd
    )

  def _of_objects(self, padded: np.ndarray) -> np.ndarray:
    number = int(self.labels[_Fields.num_groundtruth_boxes][0])
    return padded[0][:number]


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
  # Each example is read once, whatever a reader that goes on would choose.
  del dataset_weights.of(result)[:]
  name_files(result, 'evaluation record')
  if not tf.gfile.Exists(result.label_map_path):
    raise errors.InputError(f'no label map at {result.label_map_path!r}')
  return result


def name_files(input_reader: input_reader_pb2.InputReader, what: str) -> None:
  """Puts the files themselves, in order, instead of patterns.

  Files share the weight of their pattern, where the reader has weights.

  Args:
    input_reader: the reader to change.
    what: it reads, for the error.

  Raises:
    InputError: no pattern stands for a file, or some have no weight and others
      have one.
  """
  files = input_reader.tf_record_input_reader
  found = record_reader.find(list(files.input_path), what)
  dataset_weights.check(what, input_reader)
  shares = dataset_weights.by_file(input_reader)
  if shares:
    found = list(shares)
    dataset_weights.of(input_reader)[:] = shares.values()
  files.input_path[:] = found


def serialized(
  input_reader: input_reader_pb2.InputReader,
  limit: Optional[int] = None,
  what: str = 'evaluation set',
) -> List[bytes]:
  """Reads the examples as they are in the files.

  Args:
    input_reader: its files are named one by one, as by `reader`.
    limit: how many at most, of each file where they have weights; None for all.
    what: they are, for the error.

  Raises:
    InputError: there are none, or a file is damaged.
  """
  paths = list(input_reader.tf_record_input_reader.input_path)
  # Those that are read may all come from one of the files then.
  is_weighted = bool(dataset_weights.of(input_reader))
  groups = [[path] for path in paths] if is_weighted else [paths]
  found = [
    record.data
    for group in groups
    for record in record_reader.read(group, limit)
  ]
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
    features, labels = iterator.get_next()
    upcoming = features, labels, _boxes_in_original(features, labels)
    session.run([iterator.initializer, tf.tables_initializer()])
    batches = [session.run(upcoming) for _ in examples]
  keys = _keys(examples, batches)
  return [Image(key, *batch) for key, batch in zip(keys, batches)]


def _boxes_in_original(
  features: Dict[str, tf.Tensor], labels: Dict[str, tf.Tensor]
) -> tf.Tensor:
  """Gives true boxes in fractions of the image, without its padding.

  Only the stock evaluation knows whether the stock inputs count padding in.
  """
  nothing_found = {
    _Results.detection_boxes: tf.zeros([1, 0, 4]),
    _Results.detection_scores: tf.zeros([1, 0]),
    _Results.detection_classes: tf.zeros([1, 0]),
    _Results.num_detections: tf.zeros([1]),
  }
  truth = {
    name: labels[name]
    for name in (_Fields.groundtruth_boxes, _Fields.num_groundtruth_boxes)
  }
  return eval_util.result_dict_for_batched_example(
    features[_Fields.image],
    tf.constant([0]),
    nothing_found,
    truth,
    true_image_shapes=features[_Fields.true_image_shape],
  )[_Fields.groundtruth_boxes]


def _keys(examples: List[bytes], batches) -> List[int]:
  # The order of keys decides between detections of equal score, so that of the
  # stock evaluation is kept; it draws random ones for images without a name.
  hashed = [int(batch[0][inputs.HASH_KEY][0]) for batch in batches]
  if all(map(_has_name, examples)) and len(set(hashed)) == len(hashed):
    return hashed
  return list(range(1, len(examples) + 1))


def _has_name(example: bytes) -> bool:
  features = tf.train.Example.FromString(example).features.feature
  return any(features[_SOURCE_ID].bytes_list.value)
