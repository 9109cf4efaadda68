"""Measures a pruned SSD in other runtimes, in turns with TensorFlow.

  python benchmarks/sparse_ops/peers.py --model_dir=PRUNED --images=FOLDER \\
    --output_dir=OUT --results=benchmarks/results/peers.json

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
import subprocess
import sys
import time
from typing import Any, Dict, List, Tuple

import numpy as np
import peer_graphs

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
    print(f'{part}\n{table(results[part])}', flush=True)
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
  """A running worker, or why there is none."""

  def __init__(self, arguments, out: str, part: str, variant):
    self.description = variant
    self.label, environment, suffix = variant
    self.times: List[float] = []
    self.path = os.path.join(out, part + suffix)
    self.error = None
    if not os.path.exists(self.path):
      self.error = 'does not convert'
      return
    command = [
      peer_graphs.python_of(out, environment),
      os.path.join(_HERE, 'peer_worker.py'),
    ]
    command += ['--model', self.path, '--threads', str(arguments.threads)]
    command += ['--images', os.path.join(out, 'images.npy')]
    if part == 'cut':
      command.append('--cut')
    if suffix == '_sparse.pb':
      from object_detection_pruning.sparse_ops import library

      command += ['--library', library.build()]
    self._process = subprocess.Popen(
      command,
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
      universal_newlines=True,
      env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL='3', OPENBLAS_NUM_THREADS='1'),
    )
    line = self._process.stdout.readline()
    while line and not line.startswith('{'):  # MNN greets on stdout.
      line = self._process.stdout.readline()
    if not line:
      self.error = 'converts, but does not run'
      return
    self.start = json.loads(line)

  def run(self, keep: bool = True) -> None:
    self._process.stdin.write('\n')
    self._process.stdin.flush()
    seconds = [float(s) for s in self._process.stdout.readline().split()]
    if keep:
      self.times += seconds

  def stop(self) -> None:
    self._process.stdin.close()
    self._process.wait()


def _measure(
  arguments, out: str, part: str, descriptions: List[Tuple]
) -> List[Dict[str, Any]]:
  variants = [_Variant(arguments, out, part, each) for each in descriptions]
  running = [variant for variant in variants if not variant.error]
  for variant in running:
    variant.run(keep=False)
  end = time.time() + arguments.seconds
  while time.time() < end:
    for variant in running:
      variant.run()
  for variant in running:
    variant.stop()
  return [_row(variant, variants[0]) for variant in variants]


def _row(variant: _Variant, plain: _Variant) -> Dict[str, Any]:
  import detect_elsewhere

  if variant.error:
    return {'variant': variant.label, 'error': variant.error}
  row = {
    'variant': variant.label,
    'median_ms': round(float(np.median(variant.times)) * 1e3, 2),
    'min_ms': round(min(variant.times) * 1e3, 2),
    'times_faster': round(
      float(np.median(plain.times) / np.median(variant.times)), 2
    ),
    'times_faster_at_best': round(min(plain.times) / min(variant.times), 2),
    'runs': len(variant.times),
    'mb': round(_bytes(variant.path) / 1e6, 2),
  }
  # Those of another model are not to be compared.
  is_same_model = variant.description in peer_graphs.VARIANTS
  if is_same_model and 'detections' in variant.start:
    row['detections'] = detect_elsewhere.summary(
      detect_elsewhere.differences(
        np.array(variant.start['detections']),
        np.array(plain.start['detections']),
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


def table(rows: List[Dict[str, Any]]) -> str:
  lines = [
    '| runtime | median ms | times faster | MB | detections |',
    '| --- | --- | --- | --- | --- |',
  ]
  for row in rows:
    if 'error' in row:
      lines.append(f'| {row["variant"]} | {row["error"]} | | | |')
      continue
    lines.append(
      f'| {row["variant"]} | {row["median_ms"]:.1f} '
      f'| {row["times_faster"]:.2f} ({row["times_faster_at_best"]:.2f}) '
      f'| {row["mb"]:.1f} | {row.get("detections", "")} |'
    )
  return '\n'.join(lines)


if __name__ == '__main__':
  main()
