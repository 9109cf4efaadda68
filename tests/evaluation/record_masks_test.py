import detectors
import pytest
import tensorflow.compat.v1 as tf
from object_detection.protos import input_reader_pb2
from object_detection.utils import dataset_util

from object_detection_pruning.common import errors
from object_detection_pruning.evaluation import record_classes

PNG = input_reader_pb2.PNG_MASKS
NUMERICAL = input_reader_pb2.NUMERICAL_MASKS
BYTES = dataset_util.bytes_list_feature([b'png'])
FLOATS = dataset_util.float_list_feature([0.0, 1.0])
NO_BYTES = dataset_util.bytes_list_feature([])
MASK_RCNN = detectors.faster_rcnn(instance_masks=True)


def example(mask, objects=1):
  features = {
    'image/object/class/label': dataset_util.int64_list_feature([1] * objects),
    'image/object/bbox/ymin': dataset_util.float_list_feature([0.5] * objects),
  }
  if mask is not None:
    features['image/object/mask'] = mask
  message = tf.train.Features(feature=features)
  return tf.train.Example(features=message).SerializeToString()


@pytest.fixture(params=['train', 'eval'])
def refusal(request, tmp_path):
  """Says why the second example of a set is refused, None where it is not."""

  def check(mask, mask_type, objects=1, model=MASK_RCNN, loads=True):
    config = detectors.config(model)
    config.ClearField('train_input_reader')
    reader, check_set = {
      'train': (config.train_input_reader, record_classes.check_training),
      'eval': (config.eval_input_reader[0], record_classes.check_evaluation),
    }[request.param]
    reader.ClearField('label_map_path')
    reader.load_instance_masks = loads
    reader.mask_type = mask_type
    record = str(tmp_path / 'record')
    with tf.io.TFRecordWriter(record) as writer:
      # A picture without objects has no masks.
      writer.write(example(None, objects=0))
      writer.write(example(mask, objects))
    reader.tf_record_input_reader.input_path[:] = [record]
    try:
      check_set(config)
    except errors.InputError as error:
      start = f'{request.param}_input_reader: {record}, example 2, must have '
      assert str(error).startswith(start)
      return str(error)[len(start) :]
    return None

  return check


def test_masks_are_of_the_kind_that_the_reader_takes(refusal):
  assert refusal(BYTES, PNG) is None
  assert refusal(FLOATS, NUMERICAL) is None
  # Stock code takes the default for numbers.
  assert refusal(FLOATS, input_reader_pb2.DEFAULT) is None
  line = 'bytes in image/object/mask (mask_type PNG_MASKS), got floats'
  assert refusal(FLOATS, PNG) == line
  line = 'floats in image/object/mask (mask_type NUMERICAL_MASKS), got bytes'
  assert refusal(BYTES, NUMERICAL) == line
  # Its parser looks at the kind where there is nothing of it too.
  assert refusal(NO_BYTES, NUMERICAL, objects=0) == line
  assert refusal(BYTES, NUMERICAL, model=detectors.ssd()) == line
  assert refusal(BYTES, NUMERICAL, model=detectors.ssd(), loads=False) is None


def test_objects_have_masks_where_the_model_predicts_them(refusal):
  line = (
    'bytes in image/object/mask (mask_type PNG_MASKS), got none for its 2 '
    'objects'
  )
  assert refusal(None, PNG, objects=2) == line
  assert refusal(NO_BYTES, PNG, objects=2) == line
  assert refusal(NO_BYTES, PNG, objects=0) is None
  assert refusal(None, PNG, objects=2, model=detectors.ssd()) is None
