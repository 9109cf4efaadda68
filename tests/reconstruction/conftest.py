"""What tests of several modules prune."""

import pytest
import small_detector

from object_detection_pruning.graphs import graph_inputs
from object_detection_pruning.reconstruction import model as models


@pytest.fixture(scope='module')
def model():
  """The small detector, as it is read from a frozen graph."""
  return models.Model(
    small_detector.graph_def(),
    graph_inputs.INPUTS[0],
    ['detection_scores', 'detection_boxes'],
    'small.pb',
  )
