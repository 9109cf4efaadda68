"""The analysis: every point is pruned alone, evaluated, restored and saved."""

from typing import Callable

from object_detection_pruning.sensitivity import bench as bench_lib
from object_detection_pruning.sensitivity import parts, preparation, results


def run(
  prepared: preparation.Prepared,
  track: Callable = lambda points: points,
  stopped: Callable[[], bool] = lambda: False,
) -> results.Results:
  """Measures the points that are missing, and saves each.

  Args:
    prepared: from `preparation.prepare`.
    track: wraps the points, to show how far they are.
    stopped: asked before each point; the rest is left if it says so.

  Raises:
    InputError: the unpruned model has nothing to lose.
  """
  request, found = prepared.request, adopt(prepared)
  if found.baseline is not None and not prepared.missing:
    return found
  bench = bench_lib.Bench(prepared)
  if found.baseline is None:
    found = found._replace(baseline=bench.baseline())
    found.save(request.output)
  for target, ratio in track(prepared.missing):
    if stopped():
      break
    found = found.with_point(target.name, ratio, bench.point(target, ratio))
    found.save(request.output)
  bench.close()
  return found


def adopt(prepared: preparation.Prepared) -> results.Results:
  """Takes what workers of a killed run have left into the output."""
  output = prepared.request.output
  if parts.find(output):
    prepared.results.save(output)
    parts.remove(output)
  return prepared.results


def measure_baseline(prepared: preparation.Prepared) -> preparation.Prepared:
  """Evaluates the unpruned model and saves what it has, if it is not known.

  Raises:
    InputError: it has nothing to lose.
  """
  found = prepared.results
  if found.baseline is not None:
    return prepared
  bench = bench_lib.Bench(prepared)
  found = found._replace(baseline=bench.baseline())
  bench.close()
  found.save(prepared.request.output)
  return prepared._replace(results=found)
