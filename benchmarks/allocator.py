"""Times commands with and without freed memory kept for what comes next.

    python benchmarks/allocator.py --output=benchmarks/results/allocator.json

Each command runs in turns with ODP_KEEP_MEMORY at 0 and at 1, on an SSD
MobileNet V1 0.75 with images of 300x300, 8 in a batch of training. Told are
medians over the rounds: seconds of a whole command, those in which a core
worked for the kernel, and the peak memory of its largest process.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Dict, List, NamedTuple

import numpy as np

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import memory
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.workflow import stages

_CONFIG = os.path.join(
  os.path.dirname(os.path.abspath(__file__)),
  'configs/ssd_masked_mobilenet_v1_bccd.config',
)
_SIZE = 300
_BATCH = 8
_KEPT, _GIVEN_BACK = '1', '0'


class Use(NamedTuple):
  """What a command took.

  Attributes:
    seconds: from its start to its end.
    kernel_seconds: of processor time within the kernel.
    megabytes: of its largest process, at most.
  """

  seconds: float
  kernel_seconds: float
  megabytes: float


def commands(folder: str, steps: int) -> Dict[str, List[str]]:
  """Makes data and a config; gives commands that use what those before made."""
  data = detection_data.generate_shapes(folder, 64, 16, _SIZE)
  stage = stages.Stage('train', '', steps, None, 0.85, 1.0)
  config = stages.configure(pipeline.load(_CONFIG), data, stage, None)
  config.train_config.fine_tune_checkpoint = ''
  config.train_config.batch_size = _BATCH
  path = pipeline.save(config, folder)
  trained = os.path.join(folder, 'training')
  graph = os.path.join(folder, 'export', 'frozen_inference_graph.pb')
  model = [f'--pipeline_config_path={path}', f'--checkpoint={trained}']
  return {
    'training': [
      'model_main',
      f'--pipeline_config_path={path}',
      f'--model_dir={trained}',
      f'--num_train_steps={steps}',
    ],
    'export': [
      'export_inference_graph',
      *model,
      f'--output_dir={os.path.dirname(graph)}',
    ],
    'sensitivity': [
      'analyze_sensitivity',
      *model,
      '--ratios=0.3,0.6',
      f'--output_path={folder}/analysis.json',
    ],
    'evaluation and inference': [
      'compare_models',
      f'--models={graph}',
      f'--eval_record={data.val_record}',
      f'--label_map_path={data.label_map}',
      f'--output_dir={folder}/comparison',
    ],
  }


def run(arguments: List[str], switch: str) -> Use:
  """Runs a command; its output must not be there.

  Raises:
    RuntimeError: it fails.
  """
  began = time.monotonic()
  with tempfile.TemporaryFile() as log:
    process = subprocess.Popen(
      [sys.executable, '-m', 'object_detection_pruning', *arguments],
      env={**os.environ, memory.SWITCH: switch},
      stdout=log,
      stderr=log,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
      log.seek(0)
      raise RuntimeError(log.read().decode()[-3000:])
  return Use(time.monotonic() - began, usage.ru_stime, usage.ru_maxrss / 2**10)


def output_of(arguments: List[str]) -> str:
  """Names what a command writes, a folder or a file."""
  names = ('--model_dir=', '--output_dir=', '--output_path=')
  (path,) = [
    each.partition('=')[2] for each in arguments if each.startswith(names)
  ]
  return path


def remove(path: str) -> None:
  """Removes a folder or a file, if it is there."""
  if os.path.isfile(path):
    os.remove(path)
  shutil.rmtree(path, ignore_errors=True)


def measure(arguments: List[str], rounds: int) -> Dict[str, Dict[str, float]]:
  """Runs a command in turns; gives the medians by the switch."""
  found: Dict[str, List[Use]] = {_GIVEN_BACK: [], _KEPT: []}
  for _ in range(rounds):
    for switch, uses in found.items():
      remove(output_of(arguments))
      uses.append(run(arguments, switch))
  return {
    switch: Use(*np.median(uses, axis=0).tolist())._asdict()
    for switch, uses in found.items()
  }


def line(name: str, found: Dict[str, Dict[str, float]]) -> str:
  """A row of the table."""
  before, after = (Use(**found[each]) for each in (_GIVEN_BACK, _KEPT))
  return (
    f'| {name} | {before.seconds:.1f} | {after.seconds:.1f} '
    f'| {before.seconds / after.seconds:.2f} '
    f'| {before.kernel_seconds:.1f} | {after.kernel_seconds:.1f} '
    f'| {before.megabytes:.0f} | {after.megabytes:.0f} |'
  )


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--rounds', type=int, default=3)
  parser.add_argument('--steps', type=int, default=100, help='of training')
  parser.add_argument(
    '--only', default='', help='pattern of the commands to time'
  )
  parser.add_argument('--output', required=True, help='.json to write')
  options = parser.parse_args()
  results = {}
  if os.path.exists(options.output):
    with open(options.output) as file:
      results = json.load(file)
  with tempfile.TemporaryDirectory() as folder:
    for name, arguments in commands(folder, options.steps).items():
      if not re.search(options.only, name):
        # Those that come after need what it makes.
        run(arguments, _KEPT)
        continue
      results[name] = measure(arguments, options.rounds)
      print(line(name, results[name]), flush=True)
      with open(options.output, 'w') as file:
        json.dump(results, file, indent=1)
        file.write('\n')


if __name__ == '__main__':
  main()
