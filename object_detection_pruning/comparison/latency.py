"""How long detectors take for an image, measured side by side."""

import functools
import itertools
from typing import Callable, List, Optional, Sequence

import numpy as np

from object_detection_pruning.common import timing
from object_detection_pruning.inference import loaders


def measure(
  paths: Sequence[str],
  images: Sequence[np.ndarray],
  threads: Optional[int],
  rounds: int,
  title: str,
) -> List[timing.Latency]:
  """Times several models by turns.

  Args:
    paths: of the models, as `loaders.load_detector` takes them.
    images: uint8 [height, width, 3] each; each model runs on one after another.
    threads: for all work of a model; None for all cores.
    rounds: how often each model is timed.
    title: of the progress bar.

  Returns:
    The latency of each model.
  """
  timings = timing.measure(
    [functools.partial(_runner, path, images, threads) for path in paths],
    intra_op=threads,
    inter_op=threads,
    rounds=rounds,
    title=title,
  )
  return [each.latency for each in timings]


def _runner(
  path: str, images: Sequence[np.ndarray], threads: Optional[int]
) -> Callable[[], object]:
  detector = loaders.load_detector(path, threads)
  upcoming = itertools.cycle(images)
  return lambda: detector.run(next(upcoming))
