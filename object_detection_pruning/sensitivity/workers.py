"""Several processes that share the points of one analysis on one machine."""

import multiprocessing
import os
import shutil
import time
from typing import Iterator, List

from object_detection_pruning.core import errors, progress
from object_detection_pruning.sensitivity import analysis, parallel, results
from object_detection_pruning.sensitivity import request as request_lib

_SECONDS = 1.0


def run(prepared: analysis.Prepared, count: int) -> results.Results:
  """Measures what is missing in several processes, and joins their files.

  Each writes a file of its own beside the output, and goes on with it if it
  was killed.

  Args:
    prepared: from `analysis.prepare`.
    count: number of processes.

  Raises:
    InputError: a process failed; what it printed says why.
  """
  total = len(prepared.missing)
  request = prepared.request
  parts = [_part(request, number, count) for number in range(count)]
  for part in parts:
    if os.path.exists(request.output) and not os.path.exists(part.output):
      shutil.copyfile(request.output, part.output)
  context = multiprocessing.get_context('spawn')
  processes = [
    context.Process(target=_work, args=(part, os.getpid()), daemon=True)
    for part in parts
  ]
  for process in processes:
    process.start()
  already = len(prepared.todo) - total
  for _ in progress.over(
    _finished(parts, processes, already, total), 'analyse', total=total
  ):
    pass
  for process in processes:
    process.join()
    if process.exitcode:
      raise errors.InputError(
        f'a worker ended with status {process.exitcode}; run the same command '
        'again to go on'
      )
  merged = prepared.results
  for part in parts:
    merged = merged.merged(results.load(part.output), part.output)
  merged.save(request.output)
  for part in parts:
    os.remove(part.output)
  return merged


def _part(
  request: request_lib.Request, number: int, count: int
) -> request_lib.Request:
  shard, shards = request.shard
  return request._replace(
    output=f'{request.output}.part-{number + 1}-of-{count}',
    # The parts of a shard are shards of a finer division.
    shard=(shard + shards * number, shards * count),
    threads=max(1, parallel.cores() // count),
  )


def _work(request: request_lib.Request, parent: int) -> None:
  analysis.run(
    analysis.prepare(request), stopped=lambda: os.getppid() != parent
  )


def _finished(
  parts: List[request_lib.Request], processes, already: int, total: int
) -> Iterator[None]:
  """Yields once for each point, as they come."""
  seen = 0
  while seen < total:
    alive = any(process.is_alive() for process in processes)
    now = min(total, _count(parts) - already)
    for _ in range(now - seen):
      yield
    seen = max(seen, now)
    if not alive:
      return
    if seen < total:
      time.sleep(_SECONDS)


def _count(parts: List[request_lib.Request]) -> int:
  points = set()
  for part in parts:
    if os.path.exists(part.output):
      for layer in results.load(part.output).layers:
        points.update((layer.name, ratio) for ratio in layer.points)
  return len(points)
