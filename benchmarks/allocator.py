"""Times a training with and without freed memory kept for the next step.

    python benchmarks/allocator.py --output=benchmarks/results/allocator.json

It runs in turns with ODP_KEEP_MEMORY at 0 and at 1, on an SSD MobileNet V1 0.75
with images of 300x300, 8 in a batch. Told are medians over the rounds: seconds
of the whole command, those in which a core worked for the kernel, and the peak
memory of its largest process.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Dict, List, NamedTuple

import numpy as np
import recorded

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


def training(folder: str, steps: int) -> List[str]:
  """Makes data and a config; gives the command line."""
  data = detection_data.generate_shapes(folder, 64, 16, _SIZE)
  stage = stages.Stage('train', '', steps, None, 0.85, 1.0)
  config = stages.configure(pipeline.load(_CONFIG), data, stage, None)
  config.train_config.fine_tune_checkpoint = ''
  config.train_config.batch_size = _BATCH
  path = pipeline.save(config, folder)
  return [
    'model_main',
    f'--pipeline_config_path={path}',
    f'--model_dir={folder}/training',
    f'--num_train_steps={steps}',
  ]


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
  megabytes = usage.ru_maxrss * 1024 / 1e6
  return Use(time.monotonic() - began, usage.ru_stime, megabytes)


def line(switch: str, use: Use) -> str:
  """A row of the table."""
  return (
    f'| {switch} | {use.seconds:.1f} | {use.kernel_seconds:.1f} '
    f'| {use.megabytes:.0f} |'
  )


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--rounds', type=int, default=3)
  parser.add_argument('--steps', type=int, default=60, help='of training')
  parser.add_argument('--output', required=True, help='.json to write')
  options = parser.parse_args()
  recorded.read(options.output)
  found: Dict[str, List[Use]] = {_GIVEN_BACK: [], _KEPT: []}
  with tempfile.TemporaryDirectory() as folder:
    arguments = training(folder, options.steps)
    for _ in range(options.rounds):
      for switch, uses in found.items():
        shutil.rmtree(f'{folder}/training', ignore_errors=True)
        uses.append(run(arguments, switch))
  medians = {
    switch: Use(*np.median(uses, axis=0).tolist())
    for switch, uses in found.items()
  }
  print('\n'.join(line(*each) for each in medians.items()))
  recorded.write(
    options.output, {switch: use._asdict() for switch, use in medians.items()}
  )


if __name__ == '__main__':
  main()
