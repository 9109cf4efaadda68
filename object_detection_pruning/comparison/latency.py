"""How long detectors take for an image, measured side by side."""

import time
from typing import Callable, List, NamedTuple, Sequence

import numpy as np

from object_detection_pruning.core import progress


class Latency(NamedTuple):
  """Milliseconds for one image.

  Attributes:
    median: of all runs.
    p90: nine of ten runs took no longer.
  """

  median: float
  p90: float


def measure(
  runs: Sequence[Callable[[np.ndarray], object]],
  images: Sequence[np.ndarray],
  rounds: int = 30,
  title: str = 'latency',
) -> List[Latency]:
  """Times several models in turn, so that a busy machine hits all alike.

  Args:
    runs: what runs each model on an image.
    images: to run on, by turns; the first is the warm-up of each model too.
    rounds: how often each model is timed.
    title: of the progress bar.

  Returns:
    The latency of each model.
  """
  for run in runs:
    for _ in range(2):
      run(images[0])
  seconds = np.zeros([rounds, len(runs)])
  for number in progress.over(range(rounds), title):
    image = images[number % len(images)]
    for index, run in enumerate(runs):
      started = time.perf_counter()
      run(image)
      seconds[number, index] = time.perf_counter() - started
  return [
    Latency(
      float(np.median(column) * 1e3), float(np.percentile(column, 90) * 1e3)
    )
    for column in seconds.T
  ]
