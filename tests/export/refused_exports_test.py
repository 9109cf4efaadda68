"""What an export refuses; an older one in its folder stays as it was."""

import os
import re

import detectors
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.export import exporter


def assert_refuses(folder, words, *arguments):
  with pytest.raises(errors.InputError) as error:
    exporter.export(*arguments)
  assert words in str(error.value)
  assert '\n' not in str(error.value)
  # What was there is there still, and nothing else.
  assert os.listdir(str(folder)) == ['frozen_inference_graph.pb']
  assert (folder / 'frozen_inference_graph.pb').read_bytes() == b'old'
  assert not [
    name for name in os.listdir(str(folder.parent)) if name.startswith('.')
  ]
  return error.value


def test_refuses_a_masked_config_with_a_checkpoint_without_masks(
  config, exported, older_export
):
  assert_refuses(
    older_export,
    'ssd_masked_mobilenet_v1 is masked but',
    config,
    os.path.join(exported, 'model.ckpt'),
    str(older_export),
  )


def test_refuses_a_checkpoint_of_which_masks_would_be_lost(
  config, checkpoint, older_export, tmp_path
):
  tensors = checkpoints.read(checkpoint)
  tensors['Other/weights'] = np.ones([2, 2], 'f')
  tensors['Other/mask'] = np.ones([2, 2], 'f')
  prefix = str(tmp_path / 'more/model.ckpt')
  checkpoints.write(prefix, tensors)
  assert_refuses(
    older_export,
    'Other/weights for one: their masks would be lost',
    config,
    prefix,
    str(older_export),
  )


def test_refuses_a_checkpoint_of_another_model(run, checkpoint, older_export):
  other = detectors.config(detectors.ssd(masked=True, depth=0.5), run.data)
  error = assert_refuses(
    older_export,
    'the checkpoint does not fit the pipeline config: ',
    other,
    checkpoint,
    str(older_export),
  )
  # TensorFlow names a wrong shape or a missing variable, whichever it meets.
  assert re.search('shape|not found in checkpoint', str(error))


def test_says_that_a_network_needs_known_shapes(
  config, checkpoint, older_export, monkeypatch
):
  def build(*args, input_shape, **kwargs):
    tf.convert_to_tensor(tf.TensorShape(input_shape))

  monkeypatch.setattr(exporter.stock_exporter, 'export_inference_graph', build)
  assert_refuses(
    older_export,
    'give --input_shape of export_inference_graph',
    config,
    checkpoint,
    str(older_export),
    'image_tensor',
    [None, 8, 8, 3],
  )


@pytest.mark.parametrize(
  'arguments, words',
  [
    (('image',), 'input_type must be one of image_tensor, encoded'),
    (('tf_example', [1, 2, 3, 3]), 'input_shape goes with input_type image_t'),
  ],
)
def test_refuses_arguments_before_it_reads(older_export, arguments, words):
  assert_refuses(
    older_export, words, None, '/nowhere', str(older_export), *arguments
  )


def test_refuses_values_that_are_nan_or_infinite(tmp_path):
  prefix = str(tmp_path / 'model.ckpt')
  checkpoints.write(prefix, {'a/weights': np.float32([[np.nan, 1, np.inf]])})
  with pytest.raises(errors.InputError) as error:
    exporter.strip(detectors.config(detectors.ssd()), prefix)
  assert f'{prefix} has values that are NaN' in str(error.value)
  assert 'in a/weights (2): ' in str(error.value)


def test_refuses_averages_that_are_nan_where_they_are_the_model(tmp_path):
  prefix = str(tmp_path / 'model.ckpt')
  average = {'a/weights/ExponentialMovingAverage': np.float32([[np.nan, 1]])}
  checkpoints.write(prefix, dict(average, **{'a/weights': np.ones([1, 2])}))
  config = detectors.config(detectors.ssd())
  exporter.strip(config, prefix)
  config.eval_config.use_moving_averages = True
  with pytest.raises(errors.InputError, match=r'NaN.*in a/weights \(1\): '):
    exporter.strip(config, prefix)


def test_refuses_a_detector_of_one_stage(older_export):
  one_stage = detectors.config(detectors.faster_rcnn())
  one_stage.model.faster_rcnn.number_of_stages = 1
  assert_refuses(
    older_export,
    'a detector of one stage (number_of_stages: 1) proposes regions',
    one_stage,
    '/no/model.ckpt',
    str(older_export),
  )
