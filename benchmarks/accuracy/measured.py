"""What a row of results.csv says of a frozen graph."""

import json
import os
import subprocess
from typing import Dict

from object_detection_pruning.comparison import file_size
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.evaluation import accuracy, eval_set
from object_detection_pruning.export import exporter
from object_detection_pruning.graphs import graph_files
from object_detection_pruning.inference import frozen_graph
from object_detection_pruning.inspection import graph_cost
from object_detection_pruning.reconstruction import photos

_HERE = os.path.dirname(os.path.abspath(__file__))


def accuracies(
  graph: str, data: detection_data.DetectionData
) -> Dict[str, object]:
  """Evaluates a frozen graph on validation and test images."""
  result: Dict[str, object] = {}
  detector = frozen_graph.load(graph)
  for split in ('val', 'test'):
    record = data.val_record.replace('val.record', f'{split}.record')
    if not os.path.exists(record):
      continue
    found = accuracy.evaluate(
      detector, eval_set.load([record], data.label_map), split
    )
    result[f'{split}_ap'] = round(found.ap, 5)
    result[f'{split}_ap50'] = round(found.ap50, 5)
    if found.mask_ap50 is not None:
      result['mask_ap50'] = round(found.mask_ap50, 5)
  return result


def size(graph: str, data: detection_data.DetectionData) -> Dict[str, object]:
  """Counts weights, zeros and bytes."""
  picture = photos.read([data.val_record], 1).images[0]
  cost = graph_cost.measure(graph_files.read(graph).graph_def, picture)
  report = os.path.join(os.path.dirname(graph), exporter.REPORT)
  result = {
    'parameters': cost.parameters,
    'nonzeros': cost.nonzeros,
    'kernel_sparsity': round(cost.sparsity, 5),
    'nonzero_macs': cost.nonzero_macs,
    'gzip_bytes': file_size.measure(graph).gzipped,
  }
  if os.path.exists(report):
    with open(report) as file:
      masked = json.load(file)['sparsity_of_masked_kernels']
    if masked:
      result['masked_sparsity'] = round(masked, 5)
  return result


def commit() -> str:
  """Gives the commit that is run, with a + where files differ from it."""
  git = ['git', '-C', _HERE]
  found = subprocess.check_output(git + ['rev-parse', '--short', 'HEAD'])
  changed = subprocess.check_output(
    git
    + ['status', '--porcelain', '--untracked-files=no', ':/']
    # Runs that have ended add to it.
    + [':(exclude,top)benchmarks/accuracy/results.csv']
  )
  return found.decode().strip() + ('+' if changed else '')
