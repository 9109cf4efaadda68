"""Times that mean what they say: every one that the product shows is from here.

What is timed runs in a process of its own, with the threads that were asked
for, after a warm-up, and by turns, so that whatever else the machine does falls
on all alike.
"""

import itertools
import time
from typing import (
  Any,
  Callable,
  Dict,
  Iterable,
  List,
  NamedTuple,
  Optional,
  Sequence,
  Tuple,
  TypeVar,
)

import numpy as np

from object_detection_pruning.common import own_process, progress

# A function that can be pickled, `functools.partial` of one for instance. It is
# called in the process that measures and makes what is timed there.
Maker = Callable[[], Callable[[], Any]]

_T = TypeVar('_T')
_WARM_UP_RUNS = 2
_FEWEST_ROUNDS = 3


class Latency(NamedTuple):
  """Milliseconds of a run.

  Attributes:
    median: of all runs.
    p90: nine of ten runs took no longer.
  """

  median: float
  p90: float


class Timing(NamedTuple):
  """How long the runs of one thing took.

  Attributes:
    seconds: of each run, float [rounds].
    result: of a run; None where it was not asked for.
  """

  seconds: np.ndarray
  result: Any = None

  @property
  def latency(self) -> Latency:
    """The runs in two figures."""
    milliseconds = self.seconds * 1e3
    return Latency(
      float(np.median(milliseconds)), float(np.percentile(milliseconds, 90))
    )


class Timer:
  """A process that measures; it ends with the context of this object."""

  def __init__(self, intra_op: Optional[int] = 1, inter_op: Optional[int] = 1):
    """Starts the process, which takes a few seconds.

    Args:
      intra_op: threads within an op; None for as many as TensorFlow takes.
      inter_op: ops at a time; None for as many as TensorFlow takes.
    """
    self._process = own_process.OwnProcess(
      intra_op, inter_op, 'the process that measures'
    )
    self._made: List[Maker] = []

  @property
  def pid(self) -> int:
    """Of the process that measures."""
    return self._process.pid

  def measure(
    self,
    makers: Sequence[Maker],
    rounds: Optional[int] = None,
    seconds: Optional[float] = None,
    title: Optional[str] = None,
    with_results: bool = False,
  ) -> List[Timing]:
    """Times some things by turns.

    Args:
      makers: of what is timed. What one that was in the call before has made
        is used again, what others of that call made is dropped.
      rounds: most runs of each; None for no bound but `seconds`.
      seconds: for all runs together, after which no round starts; of three
        rounds each is sure. None for no bound but `rounds`.
      title: of a progress bar over the rounds; needs `rounds`.
      with_results: also gives what a run of each has returned.

    Returns:
      A timing for each maker.

    Raises:
      InputError: as a maker raises it.
      ChildProcessError: the process ended, for lack of memory for instance.
    """
    if rounds is None and seconds is None:
      raise ValueError('one of rounds and seconds must be given')
    # The old ones live until the call is over, so that no two have one id.
    known = {id(maker) for maker in self._made}
    wanted = {
      id(maker): None if id(maker) in known else maker for maker in makers
    }
    self._made, made = [], self._made
    timings = self._process.call(
      _measure, wanted, rounds, seconds, title, with_results
    )
    del made
    self._made = list(makers)
    return [timings[id(maker)] for maker in makers]

  def close(self) -> None:
    """Ends the process."""
    self._process.close()

  def __enter__(self) -> 'Timer':
    return self

  def __exit__(self, *_) -> None:
    self.close()


def measure(
  makers: Sequence[Maker],
  intra_op: Optional[int] = 1,
  inter_op: Optional[int] = 1,
  **options,
) -> List[Timing]:
  """Times some things by turns, in a process that ends with that.

  Args:
    makers: see `Timer.measure`.
    intra_op: see `Timer`.
    inter_op: see `Timer`.
    **options: see `Timer.measure`.
  """
  with Timer(intra_op, inter_op) as timer:
    return timer.measure(makers, **options)


# What the call before has made in this process, by the caller's numbers.
_runs: Dict[int, Callable[[], Any]] = {}


def _measure(
  wanted: Dict[int, Optional[Maker]],
  rounds: Optional[int],
  seconds: Optional[float],
  title: Optional[str],
  with_results: bool,
) -> Dict[int, Timing]:
  """Makes what is not made yet, and times all."""
  global _runs
  _runs = {key: _runs[key] for key, maker in wanted.items() if maker is None}
  _runs.update(
    {key: maker() for key, maker in wanted.items() if maker is not None}
  )
  runs = [_runs[key] for key in wanted]
  took, results = by_turns(runs, rounds, seconds, title)
  return {
    key: Timing(column, result if with_results else None)
    for key, column, result in zip(wanted, took.T, results)
  }


def by_turns(
  runs: Sequence[Callable[[], Any]],
  rounds: Optional[int] = None,
  seconds: Optional[float] = None,
  title: Optional[str] = None,
) -> Tuple[np.ndarray, List[Any]]:
  """Times callables by turns in this process, after a warm-up.

  For what is not TensorFlow, or where the threads do not matter; else see
  `Timer`.

  Args:
    runs: what is timed.
    rounds: see `Timer.measure`.
    seconds: see `Timer.measure`.
    title: see `Timer.measure`.

  Returns:
    Seconds [rounds, runs], and what the last run of each warm-up has returned.
  """
  results = [[run() for _ in range(_WARM_UP_RUNS)][-1] for run in runs]
  took: List[List[float]] = []
  end = None if seconds is None else time.perf_counter() + seconds
  for _ in _numbers(rounds, title):
    is_sure = end is None or len(took) < _FEWEST_ROUNDS
    if not is_sure and time.perf_counter() >= end:
      break
    took.append([once(run)[0] for run in runs])
  return np.array(took), results


def once(action: Callable[[], _T]) -> Tuple[float, _T]:
  """Gives the seconds of one call, without any warm-up, and its result."""
  started = time.perf_counter()
  result = action()
  return time.perf_counter() - started, result


def _numbers(rounds: Optional[int], title: Optional[str]) -> Iterable[int]:
  if rounds is None:
    return itertools.count()
  return progress.over(range(rounds), title) if title else range(rounds)
