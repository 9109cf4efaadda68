import os

import numpy as np
import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.inference import loaders

IMAGE = np.random.RandomState(0).randint(0, 256, (60, 80, 3)).astype(np.uint8)


@pytest.mark.parametrize(
  'name',
  [
    'saved_model',
    'sparse_inference_graph.pb',
    'sparse_saved_model',
    'model.tflite',
  ],
)
def test_every_kind_of_file_detects_the_same(exported, name):
  plain = loaders.load_detector(f'{exported}/frozen_inference_graph.pb')
  expected = plain.detect(IMAGE)
  found = loaders.load_detector(os.path.join(exported, name)).detect(IMAGE)
  assert len(expected.scores)
  assert len(set(expected.scores.tolist())) > 1
  np.testing.assert_array_equal(found.class_ids, expected.class_ids)
  np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
  np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)


def test_names_a_missing_file():
  with pytest.raises(errors.InputError, match='no such model: nowhere.pb'):
    loaders.load_detector('nowhere.pb')
