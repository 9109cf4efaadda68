"""Several processes that share the points of one analysis on one machine."""

import multiprocessing
import os
import sys
import time
from typing import Iterator, List

from object_detection_pruning.common import (
  errors,
  own_process,
  progress,
  sessions,
)
from object_detection_pruning.sensitivity import (
  analysis,
  parts,
  preparation,
  results,
)
from object_detection_pruning.sensitivity import request as request_lib

_SECONDS = 1.0


def run(prepared: preparation.Prepared, count: int) -> results.Results:
  """Measures what is missing in several processes, and joins their files.

  Each writes a file of its own beside the output. After a kill all of these
  files are gone on with, by as many processes as there may be then.

  Args:
    prepared: from `preparation.prepare`.
    count: number of processes.

  Raises:
    InputError: the unpruned model has nothing to lose, or a process failed.
  """
  analysis.adopt(prepared)
  # Bad input is met before there are many processes to meet it.
  prepared = _measure_baseline(prepared)
  request, merged = prepared.request, prepared.results
  if not prepared.missing:
    return merged
  shares = [_share(request, number, count) for number in range(1, count + 1)]
  for share in shares:
    merged.save(share.output)
  context = multiprocessing.get_context('spawn')
  failures = context.SimpleQueue()
  processes = [
    context.Process(
      target=_work, args=(share, os.getpid(), failures), daemon=True
    )
    for share in shares
  ]
  total, already = len(prepared.missing), _count(shares)
  for process in processes:
    process.start()
  for _ in progress.over(
    _finished(shares, processes, already, total), 'analyse', total=total
  ):
    pass
  _end(processes, failures)
  for share in shares:
    merged = merged.merged(results.load(share.output), share.output)
  merged.save(request.output)
  parts.remove(request.output)
  return merged


def _measure_baseline(prepared: preparation.Prepared) -> preparation.Prepared:
  """Evaluates the unpruned model where each op runs on one thread."""
  sizes = (1, sessions.cores())
  if prepared.results.baseline is not None or sessions.pool_sizes() == sizes:
    return analysis.measure_baseline(prepared)
  with own_process.OwnProcess(*sizes, 'the process that evaluates') as process:
    found = process.call(_baseline, prepared.request)
  return prepared._replace(results=found)


def _baseline(request: request_lib.Request) -> results.Results:
  return analysis.measure_baseline(preparation.prepare(request)).results


def _end(processes: list, failures) -> None:
  """Waits for the processes; if one fails, no other goes on."""
  for process in processes:
    while process.is_alive() and not any(p.exitcode for p in processes):
      process.join(_SECONDS)
  failed = [process for process in processes if process.exitcode]
  if not failed:
    return
  for process in processes:
    process.terminate()
    process.join()
  if not failures.empty():
    raise errors.InputError(failures.get())
  raise errors.InputError(
    f'a worker ended with status {failed[0].exitcode}; run the same command '
    'again to go on'
  )


def _share(
  request: request_lib.Request, number: int, count: int
) -> request_lib.Request:
  shard, shards = request.shard
  return request._replace(
    output=parts.path(request.output, number, count),
    # The parts of a shard are shards of a finer division.
    shard=(shard + shards * (number - 1), shards * count),
    threads=max(1, sessions.cores() // count),
  )


def _work(request: request_lib.Request, parent: int, failures) -> None:
  sessions.size_pools(1, request.threads)
  try:
    analysis.run(
      preparation.prepare(request), stopped=lambda: os.getppid() != parent
    )
  except (errors.InputError, OSError) as error:
    failures.put(str(error))
    sys.exit(1)


def _finished(
  shares: List[request_lib.Request], processes, already: int, total: int
) -> Iterator[None]:
  """Yields once for each point, as they come."""
  seen = 0
  while seen < total:
    alive = any(process.is_alive() for process in processes)
    failed = any(process.exitcode for process in processes)
    now = min(total, _count(shares) - already)
    for _ in range(now - seen):
      yield
    seen = max(seen, now)
    if failed or not alive:
      return
    if seen < total:
      time.sleep(_SECONDS)


def _count(shares: List[request_lib.Request]) -> int:
  points = set()
  for share in shares:
    for layer in results.load(share.output).layers:
      points.update((layer.name, ratio) for ratio in layer.points)
  return len(points)
