"""Measures a pruned SSD in other runtimes, in turns with TensorFlow.

  python benchmarks/sparse_ops/peers.py --model_dir=PRUNED --images=FOLDER \\
    --output_dir=OUT --results=RESULTS.json

PRUNED holds a checkpoint, its pipeline.config and frozen_inference_graph.pb.
Each runtime gets an environment of its own in OUT, see peer_graphs.py, and
converts the graph: whole, from image to detections, and cut before its
post-processing. What is in OUT is not made again. Runtimes run in turns, each
in a process of its own, so whatever else the machine does falls on all alike.
A runtime that does not convert or start is in the results with its error.
"""

import argparse
import json
import os
import sys
from typing import Any, Dict, List

import numpy as np
import peer_graphs
import worker_process

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(_HERE, '../../examples'))


def main() -> None:
  arguments = _parse()
  out = os.path.abspath(arguments.output_dir)
  os.makedirs(out, exist_ok=True)
  peer_graphs.write_images(arguments.images, out)
  for name, packages in peer_graphs.ENVIRONMENTS.items():
    peer_graphs.make_environment(
      arguments.python, os.path.join(out, name), packages
    )
  results: Dict[str, Any] = {
    'processor': _processor(),
    'threads': arguments.threads,
    'load_average': os.getloadavg(),
  }
  for part in peer_graphs.GRAPHS:
    peer_graphs.make_graphs(arguments.model_dir, out, part)
    variants = list(peer_graphs.VARIANTS)
    if part == 'whole' and arguments.also:
      others = dict(pair.split('=') for pair in arguments.also.split(','))
      variants += peer_graphs.make_others(out, others)
    results[part] = _measure(arguments, out, part, variants)
    print(table({part: results[part]}), flush=True)
    # After each part, so that a killed run leaves what it has measured.
    with open(arguments.results, 'w') as file:
      json.dump(results, file, indent=1)
      file.write('\n')


def _parse() -> argparse.Namespace:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--model_dir', required=True)
  parser.add_argument('--images', required=True, help='folder of JPEG images')
  parser.add_argument('--output_dir', required=True)
  parser.add_argument('--results', required=True, help='.json to write')
  parser.add_argument(
    '--python', default='python3.11', help='that makes the environments'
  )
  parser.add_argument(
    '--also', help='label=frozen graph pairs for OpenVINO, with commas between'
  )
  parser.add_argument('--seconds', type=float, default=60, help='each graph')
  parser.add_argument('--threads', type=int, default=1)
  parser.add_argument('--core', type=int, default=0, help='with one thread')
  arguments = parser.parse_args()
  if arguments.threads == 1:
    os.sched_setaffinity(0, {arguments.core})
  return arguments


class _Variant:
  """A variant of a model, with its worker or the reason why there is none."""

  def __init__(
    self, arguments, out: str, part: str, description: peer_graphs.Variant
  ):
    self.description = description
    self.label = description.label
    self.path = os.path.join(out, part + description.suffix)
    self.worker = None
    self.error = None
    if not os.path.exists(self.path):
      self.error = 'does not convert'
      return
    command = [
      peer_graphs.python_of(out, description.environment),
      os.path.join(_HERE, 'peer_worker.py'),
    ]
    command += ['--model', self.path, '--threads', str(arguments.threads)]
    command += ['--images', os.path.join(out, 'images.npy')]
    command += ['--precision', description.precision]
    if part == 'cut':
      command.append('--cut')
    if description.suffix == '_sparse.pb':
      from object_detection_pruning.sparse_ops import library

      command += ['--library', library.build()]
    try:
      self.worker = worker_process.WorkerProcess(
        command, {'TF_CPP_MIN_LOG_LEVEL': '3', 'OPENBLAS_NUM_THREADS': '1'}
      )
    except RuntimeError:
      self.error = 'converts, but does not run'


def _measure(
  arguments, out: str, part: str, descriptions: List[peer_graphs.Variant]
) -> List[Dict[str, Any]]:
  variants = [_Variant(arguments, out, part, each) for each in descriptions]
  workers = [variant.worker for variant in variants if variant.worker]
  worker_process.take_turns(workers, arguments.seconds)
  return [_row(variant, variants[0]) for variant in variants]


def _row(variant: _Variant, plain: _Variant) -> Dict[str, Any]:
  import detect_elsewhere

  if variant.error:
    return {'variant': variant.label, 'error': variant.error}
  times, plain_times = variant.worker.times, plain.worker.times
  row = {
    'variant': variant.label,
    'median_ms': round(float(np.median(times)) * 1e3, 2),
    'min_ms': round(min(times) * 1e3, 2),
    'times_faster': round(float(np.median(plain_times) / np.median(times)), 2),
    'times_faster_at_best': round(min(plain_times) / min(times), 2),
    'runs': len(times),
    'mb': round(_bytes(variant.path) / 1e6, 2),
  }
  # Those of another model are not to be compared.
  is_same_model = variant.description in peer_graphs.VARIANTS
  if is_same_model and 'detections' in variant.worker.start:
    row['detections'] = detect_elsewhere.summary(
      detect_elsewhere.differences(
        np.array(variant.worker.start['detections']),
        np.array(plain.worker.start['detections']),
      )
    )
  return row


def _bytes(path: str) -> int:
  weights = os.path.splitext(path)[0] + '.bin'
  is_split = path.endswith('.xml')
  return os.path.getsize(path) + (os.path.getsize(weights) if is_split else 0)


def _processor() -> str:
  with open('/proc/cpuinfo') as file:
    lines = file.read().splitlines()
  name, flags = (
    next(line.split(': ')[1] for line in lines if line.startswith(key))
    for key in ('model name', 'flags')
  )
  sets = [s for s in ('avx2', 'avx512f', 'avx512_vnni') if s in flags.split()]
  return f'{name}, {" ".join(sets)}'


def table(columns: Dict[str, List[Dict[str, Any]]]) -> str:
  """Renders rows of results side by side.

  Args:
    columns: rows by what the column is of; file size and detections are those
      of the first.
  """
  first = next(iter(columns.values()))
  cells = [{row['variant']: _cell(row) for row in c} for c in columns.values()]
  titles = ['runtime', *columns, 'MB', 'detections']
  lines = [titles, ['---'] * len(titles)]
  for row in first:
    label = row['variant']
    size = f'{row["mb"]:.1f}' if 'mb' in row else ''
    times = [column.get(label, '') for column in cells]
    lines.append([label, *times, size, row.get('detections', '')])
  return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def _cell(row: Dict[str, Any]) -> str:
  """What a table says of a variant: milliseconds, and how much faster."""
  if 'error' in row:
    return row['error']
  return (
    f'{row["median_ms"]:.1f} ms, {row["times_faster"]:.2f} '
    f'({row["times_faster_at_best"]:.2f})'
  )


if __name__ == '__main__':
  main()
