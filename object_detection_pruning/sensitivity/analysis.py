"""The analysis: every point is pruned alone, evaluated, restored and saved.

Several processes of one machine may share its points.
"""

import multiprocessing
import os
import sys
import time
from typing import Callable, Dict, Iterator, List

from object_detection_pruning.common import (
  errors,
  own_process,
  progress,
  sessions,
)
from object_detection_pruning.evaluation import eval_inputs, evaluator
from object_detection_pruning.sensitivity import (
  calibration,
  prunables,
  results,
  results_file,
)
from object_detection_pruning.sensitivity import request as request_lib

_SECONDS = 1.0


def run(
  prepared: request_lib.Prepared,
  track: Callable = lambda points: points,
  stopped: Callable[[], bool] = lambda: False,
) -> results.Results:
  """Measures the points that are missing, and saves each.

  Args:
    prepared: from `request.prepare`.
    track: wraps the points, to show how far they are.
    stopped: asked before each point; the rest is left if it says so.

  Raises:
    InputError: the unpruned model has nothing to lose.
  """
  request, found = prepared.request, _adopt(prepared)
  if found.baseline is not None and not prepared.missing:
    return found
  bench = _Bench(prepared)
  if found.baseline is None:
    found = found._replace(baseline=bench.baseline())
    results_file.save(found, request.output)
  for prunable, ratio in track(prepared.missing):
    if stopped():
      break
    found = found.with_point(prunable.name, ratio, bench.point(prunable, ratio))
    results_file.save(found, request.output)
  bench.close()
  return found


def _adopt(prepared: request_lib.Prepared) -> results.Results:
  """Takes what workers of a killed run have left into the output."""
  output = prepared.request.output
  if results_file.find_parts(output):
    results_file.save(prepared.results, output)
    results_file.remove_parts(output)
  return prepared.results


def _measure_baseline(prepared: request_lib.Prepared) -> request_lib.Prepared:
  """Evaluates and saves the unpruned model, each op on one thread.

  Raises:
    InputError: it has nothing to lose.
  """
  if prepared.results.baseline is not None:
    return prepared
  sizes = (1, sessions.cores())
  if sessions.pool_sizes() == sizes:
    return prepared._replace(results=_baseline(prepared))
  with own_process.OwnProcess(*sizes, 'the process that evaluates') as process:
    found = process.call(_baseline_of_request, prepared.request)
  return prepared._replace(results=found)


def _baseline_of_request(request: request_lib.Request) -> results.Results:
  return _baseline(request_lib.prepare(request))


def _baseline(prepared: request_lib.Prepared) -> results.Results:
  bench = _Bench(prepared)
  found = prepared.results._replace(baseline=bench.baseline())
  bench.close()
  results_file.save(found, prepared.request.output)
  return found


def run_in_workers(
  prepared: request_lib.Prepared, count: int
) -> results.Results:
  """Measures what is missing in several processes, and joins their files.

  Each writes a file of its own beside the output. After a kill all of these
  files are gone on with, by as many processes as there may be then.

  Args:
    prepared: from `request.prepare`.
    count: number of processes.

  Raises:
    InputError: the unpruned model has nothing to lose, or a process failed.
  """
  _adopt(prepared)
  # Bad input is met before there are many processes to meet it.
  prepared = _measure_baseline(prepared)
  request, merged = prepared.request, prepared.results
  if not prepared.missing:
    return merged
  shares = [_share(request, number, count) for number in range(1, count + 1)]
  for share in shares:
    results_file.save(merged, share.output)
  context = multiprocessing.get_context('spawn')
  failures = context.SimpleQueue()
  processes = [
    context.Process(
      target=_work, args=(share, os.getpid(), failures), daemon=True
    )
    for share in shares
  ]
  total, already = len(prepared.missing), _count_points(shares)
  for process in processes:
    process.start()
  for _ in progress.over(
    _finished(shares, processes, already, total), 'analyse', total=total
  ):
    pass
  _end(processes, failures)
  for share in shares:
    merged = merged.merged(results_file.load(share.output), share.output)
  results_file.save(merged, request.output)
  results_file.remove_parts(request.output)
  return merged


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
    output=results_file.part_path(request.output, number, count),
    # The parts of a shard are shards of a finer division.
    shard=(shard + shards * (number - 1), shards * count),
    threads=max(1, sessions.cores() // count),
  )


def _work(request: request_lib.Request, parent: int, failures) -> None:
  sessions.size_pools(1, request.threads)
  try:
    run(request_lib.prepare(request), stopped=lambda: os.getppid() != parent)
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
    now = min(total, _count_points(shares) - already)
    for _ in range(now - seen):
      yield
    seen = max(seen, now)
    if failed or not alive:
      return
    if seen < total:
      time.sleep(_SECONDS)


def _count_points(shares: List[request_lib.Request]) -> int:
  points = set()
  for share in shares:
    for layer in results_file.load(share.output).layers:
      points.update((layer.name, ratio) for ratio in layer.points)
  return len(points)


class _Bench:
  """A detector in memory, whose points are measured one by one."""

  def __init__(self, prepared: request_lib.Prepared):
    """Builds the detector.

    Args:
      prepared: from `request.prepare`.
    """
    request, tensors = prepared.request, prepared.tensors
    self._metric = request.metric
    self._calibrator = None
    if request.recalibrate:
      self._calibrator = calibration.Calibrator(
        prepared.config,
        prepared.raw,
        request.recalibrate,
        request.threads,
        request.cache_megabytes,
      )
      # Points are compared with what was set from the same batches.
      tensors = dict(tensors, **self._calibrator.statistics())
    self._model = evaluator.Evaluator(
      prepared.config,
      tensors,
      eval_inputs.load(prepared.config, prepared.reader, prepared.examples),
      request.metric,
      request.threads,
      request.cache_megabytes,
    )

  def baseline(self) -> Dict[str, float]:
    """Evaluates the unpruned model.

    Raises:
      InputError: it has nothing to lose.
    """
    metrics = self._model.evaluate()
    value = metrics[self._metric]
    if not value > 0:
      raise errors.InputError(
        f'the {self._metric} of the unpruned model is {value:g} on these '
        'images, so there is nothing to lose: train it first, or evaluate on '
        'more images'
      )
    return metrics

  def point(
    self, prunable: prunables.Prunable, ratio: float
  ) -> Dict[str, float]:
    """Evaluates with one prunable pruned, and restores it."""
    changes, variables = prunable.changes(ratio), list(prunable.variables)
    if self._calibrator:
      later = self._calibrator.depending_on(variables)
      statistics = self._calibrator.statistics(variables, changes)
      changes.update({name: statistics[name] for name in later})
      variables += [name for name in later if name not in variables]
    return self._model.evaluate(variables, changes)

  def close(self) -> None:
    """Frees the sessions and their threads."""
    self._model.close()
    if self._calibrator:
      self._calibrator.close()
