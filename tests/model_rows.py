"""Rows of a comparison, for tests of what is made of them."""

from object_detection_pruning.common.timing import Latency
from object_detection_pruning.comparison import model_table
from object_detection_pruning.comparison.file_size import FileSize
from object_detection_pruning.evaluation.accuracy import Accuracy
from object_detection_pruning.inspection.model_cost import LayerCost, ModelCost

COST = ModelCost([LayerCost('a', 'Conv2D', (1, 1, 10, 10), 25, 20000)], 0, 0)


def row(name, milliseconds, cost=None, mask_ap=None):
  return model_table.ModelRow(
    name,
    'frozen graph',
    Accuracy(0.5, 0.75, mask_ap, mask_ap, 10),
    cost,
    None,
    FileSize(3000000, 1500000),
    Latency(milliseconds, 2 * milliseconds),
    Latency(milliseconds / 2, milliseconds),
  )
