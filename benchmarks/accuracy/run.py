"""Runs the experiments of the accuracy tables, restartable at any point.

    ODP_DATA=DATA python benchmarks/accuracy/run.py --records=RECORDS \
      --output_dir=RUNS [--only=REGEX]

Takes the first experiment of the list whose start is done and that no other
process runs, makes its model in RUNS in a process of its own, evaluates it on
validation and test images, and appends a row to results.csv; until none is
left. Killed, the same command goes on; several may run side by side.
"""

import fcntl
import json
import os
import re
import subprocess
import sys
from typing import Iterator, List, Optional, Tuple

from absl import app, flags

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import experiments  # noqa: E402
import kinds  # noqa: E402
import results_file  # noqa: E402

flags.DEFINE_string('records', None, 'Folder with records of each data set.')
flags.DEFINE_string('output_dir', None, 'Folder for all models.')
flags.DEFINE_string('only', '', 'Pattern of DETECTOR/EXPERIMENT to run.')
flags.DEFINE_bool('list', False, 'Print what is left, and run nothing.')
flags.mark_flags_as_required(['records', 'output_dir'])
FLAGS = flags.FLAGS

_WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'worker.py')

Run = Tuple[kinds.Experiment, int]


def remaining() -> List[Run]:
  """Gives the runs that are wanted and have no row yet."""
  done = results_file.done()
  return [
    (experiment, seed)
    for experiment in experiments.experiments()
    for seed in experiment.seeds
    if re.search(FLAGS.only, f'{experiment.detector}/{experiment.name}')
    and (experiment.detector, experiment.name, seed) not in done
  ]


def folder(experiment: kinds.Experiment, name: str, seed: int) -> str:
  """Gives the folder of a run of an experiment's detector."""
  return os.path.join(
    FLAGS.output_dir, experiment.detector, f'{name}-seed{seed}'
  )


def model_of(
  experiment: kinds.Experiment, name: Optional[str], seed: int
) -> str:
  """Gives the folder of a finished run; '' for none asked for or none there.

  A start that is not to be run with this seed is that of the first one.
  """
  if name is None:
    return ''
  start = experiments.find(experiment.detector, name)
  path = folder(experiment, name, seed if seed in start.seeds else 1)
  return path if os.path.exists(os.path.join(path, 'result.json')) else ''


def ready(run: Run) -> bool:
  """Tells whether all models that a run starts from are there."""
  experiment, seed = run
  return all(
    name is None or model_of(experiment, name, seed)
    for name in (experiment.start, experiment.teacher, experiment.rewind)
  )


def claimed(skipped: List[str]) -> Iterator[Run]:
  """Yields runs to do, each locked against other processes while it is used.

  Args:
    skipped: folders of runs that failed, to be left alone.
  """
  while True:
    for run in remaining():
      path = folder(run[0], run[0].name, run[1])
      if path in skipped or not ready(run):
        continue
      os.makedirs(path, exist_ok=True)
      with open(path + '.lock', 'w') as lock:
        try:
          fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
          continue
        # Another process may have finished it since the list was made.
        if run in remaining():
          yield run
          break
    else:
      return


def execute(run: Run) -> bool:
  """Makes and evaluates one model; returns whether that worked."""
  experiment, seed = run
  path = folder(experiment, experiment.name, seed)
  with open(os.path.join(path, 'log.txt'), 'ab') as log:
    code = subprocess.call(
      [
        sys.executable,
        _WORKER,
        f'--experiment={experiment.name}',
        f'--detector={experiment.detector}',
        f'--seed={seed}',
        f'--records={FLAGS.records}',
        f'--start={model_of(experiment, experiment.start, seed)}',
        f'--teacher={model_of(experiment, experiment.teacher, seed)}',
        f'--rewind={model_of(experiment, experiment.rewind, seed)}',
        f'--output_dir={path}',
      ],
      stdout=log,
      stderr=log,
    )
  if code:
    return False
  with open(os.path.join(path, 'result.json')) as file:
    results_file.append(json.load(file))
  return True


def main(_) -> None:
  if FLAGS.list:
    for experiment, seed in remaining():
      print(experiment.detector, experiment.name, f'seed {seed}')
    return
  failed: List[str] = []
  for run in claimed(failed):
    name = f'{run[0].detector} {run[0].name}, seed {run[1]}'
    print(name, flush=True)
    if not execute(run):
      failed.append(folder(run[0], run[0].name, run[1]))
      print(f'{name} failed: see log.txt in its folder', flush=True)
  sys.exit(1 if failed else 0)


if __name__ == '__main__':
  app.run(main)
