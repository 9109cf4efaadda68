"""How long detectors take for an image, measured side by side."""

import multiprocessing
import time
from typing import List, NamedTuple, Optional, Sequence

import numpy as np

from object_detection_pruning.common import progress
from object_detection_pruning.inference import loaders

_WARM_UP_RUNS = 2


class Latency(NamedTuple):
  """Milliseconds for one image.

  Attributes:
    median: of all runs.
    p90: nine of ten runs took no longer.
  """

  median: float
  p90: float


def measure(
  paths: Sequence[str],
  images: Sequence[np.ndarray],
  threads: Optional[int],
  rounds: int,
  title: str,
) -> List[Latency]:
  """Times several models in turn, so that a busy machine hits all alike.

  They run in one new process, since TensorFlow keeps the number of threads of
  the first session for as long as a process lives.

  Args:
    paths: of the models, as `loaders.load_detector` takes them.
    images: uint8 [height, width, 3] each; run on by turns. The first is the
      warm-up of each model too.
    threads: for all work of a model; None for all cores.
    rounds: how often each model is timed.
    title: of the progress bar.

  Returns:
    The latency of each model.
  """
  with multiprocessing.get_context('spawn').Pool(1) as pool:
    seconds = pool.apply(_seconds, (paths, images, threads, rounds, title))
  return [
    Latency(
      float(np.median(column) * 1e3), float(np.percentile(column, 90) * 1e3)
    )
    for column in seconds.T
  ]


def _seconds(
  paths: Sequence[str],
  images: Sequence[np.ndarray],
  threads: Optional[int],
  rounds: int,
  title: str,
) -> np.ndarray:
  """Gives the seconds of each round and model, [rounds, models]."""
  detectors = [loaders.load_detector(path, threads) for path in paths]
  for detector in detectors:
    for _ in range(_WARM_UP_RUNS):
      detector.run(images[0])
  seconds = np.zeros([rounds, len(detectors)])
  for number in progress.over(range(rounds), title):
    image = images[number % len(images)]
    for index, detector in enumerate(detectors):
      started = time.perf_counter()
      detector.run(image)
      seconds[number, index] = time.perf_counter() - started
  return seconds
