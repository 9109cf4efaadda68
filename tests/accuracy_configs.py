"""Checks that the worker of the accuracy tables can begin each experiment.

A program of its own, since the worker defines flags that commands have too.
"""

import json
import os
import sys
import tempfile

import processes

FOLDER = os.path.join(processes.ROOT, 'benchmarks/accuracy')
sys.path.insert(0, FOLDER)

import experiments  # noqa: E402
import kinds  # noqa: E402
import numpy as np  # noqa: E402
import tables  # noqa: E402
import worker  # noqa: E402

from object_detection_pruning.builders import pipeline  # noqa: E402
from object_detection_pruning.common import checkpoints  # noqa: E402
from object_detection_pruning.core import allocation  # noqa: E402
from object_detection_pruning.reconstruction import (  # noqa: E402
  request as requests,
)


def write_start(folder: str, is_narrow: bool) -> None:
  """Writes what a run leaves for those that start from it."""
  config = pipeline.load(
    os.path.join(FOLDER, '..', kinds.DETECTORS[kinds.SSD].config)
  )
  message = pipeline.pruning_message(config)
  message.Clear()
  if is_narrow:
    message.layer_width.add(layer='a', filters=3, dense_filters=8)
  pipeline.save(config, folder)
  prefix = os.path.join(folder, 'model.ckpt')
  checkpoints.write(prefix, {'a': np.zeros(1, np.float32)})
  checkpoints.name_latest(prefix)


def begun(each: kinds.Experiment, folder: str) -> dict:
  """Makes the config of an experiment; gives what it says of pruning."""
  start = os.path.join(folder, each.start or 'none')
  worker.FLAGS.start = start if each.start else ''
  worker.FLAGS.teacher = each.teacher or ''
  worker.FLAGS.rewind = each.rewind or ''
  config = worker.configured(each, kinds.DETECTORS[each.detector])
  message = pipeline.pruning_message(config)
  allocation.find(message.allocation)
  return {
    'widths': len(message.layer_width),
    'teacher': message.distillation.teacher,
    'sparsity': message.target_sparsity,
    'allocation': message.allocation,
    'steps': config.train_config.num_steps,
  }


def check(each: kinds.Experiment, seen: set) -> None:
  """Checks that an experiment is new, and that what it starts from is not."""
  assert (each.detector, each.name) not in seen, each.name
  for name in (each.start, each.teacher, each.rewind):
    assert name is None or (each.detector, name) in seen, (each.name, name)
  seen.add((each.detector, each.name))
  assert tables.method(each.name) in tables.TITLES, each.name
  if each.way == kinds.RECONSTRUCT:
    requests.Request(**each.request).check()


def all_begun(folder: str) -> dict:
  """Says of each SSD that is trained what it begins with, by experiment."""
  records = os.path.join(folder, 'bccd')
  os.makedirs(records)
  with open(os.path.join(records, 'label_map.pbtxt'), 'w') as file:
    file.write('item { id: 1 name: "a" }')
  worker.FLAGS([sys.argv[0], f'--records={folder}'])
  found = {}
  seen = set()
  for each in experiments.experiments():
    check(each, seen)
    trains = each.way in (kinds.TRAIN, kinds.SENSITIVITY)
    if trains and each.detector == kinds.SSD:
      start = os.path.join(folder, each.start or 'none')
      if not os.path.exists(start):
        write_start(start, is_narrow=str(each.start).startswith('channels'))
      found[each.name] = begun(each, folder)
  return found


def main() -> None:
  os.environ.setdefault('ODP_DATA', 'data')
  with tempfile.TemporaryDirectory() as folder:
    print(json.dumps(all_begun(folder)))


if __name__ == '__main__':
  main()
