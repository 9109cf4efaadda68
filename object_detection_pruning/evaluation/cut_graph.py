"""A graph that is run on the same inputs again and again, from where it pays.

What lies before the variables that change gives the same values each time, so
it is run once, and the graph is fed with these values from then on.
"""

from concurrent import futures
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import sessions
from object_detection_pruning.evaluation import frontier

_MEGABYTE = 2**20


class _Cut(NamedTuple):
  """Where the graph starts.

  Attributes:
    run: computes the outputs from the values of the tensors fed.
    feeds: these values for each input.
  """

  run: Callable
  feeds: Sequence[Sequence[np.ndarray]]


class CutGraph:
  """Outputs of a restored session for a list of inputs."""

  def __init__(
    self,
    session: tf.Session,
    inputs: Sequence[tf.Tensor],
    outputs: Sequence[tf.Tensor],
    feeds: Sequence[Sequence[np.ndarray]],
    threads: Optional[int] = None,
    cache_megabytes: int = 2048,
  ):
    """Starts at the inputs.

    Args:
      session: of the graph; closed with this.
      inputs: what is fed.
      outputs: what is computed.
      feeds: values of the inputs, once for each run.
      threads: runs at a time; None for the number of cores.
      cache_megabytes: most memory for values that are kept; where they take
        more, all of the graph is run each time.
    """
    self._session = session
    self._inputs, self._outputs = list(inputs), list(outputs)
    self._cache_bytes = cache_megabytes * _MEGABYTE
    self._pool = futures.ThreadPoolExecutor(threads or sessions.cores())
    self._whole = _Cut(session.make_callable(self._outputs, inputs), feeds)
    self._cut, self._cut_for = self._whole, None
    with session.graph.as_default():
      self._variables = {v.op.name: v for v in tf.global_variables()}

  @property
  def is_cut(self) -> bool:
    """Whether it starts at values that are kept."""
    return self._cut is not self._whole

  def load(self, values: Dict[str, np.ndarray]) -> None:
    """Gives variables other values, by name."""
    # Feeding the initializer leaves the graph as it is, an assign op would not.
    variables = [self._variables[name] for name in values]
    self._session.run(
      [variable.initializer for variable in variables],
      {v.initializer.inputs[1]: values[v.op.name] for v in variables},
    )

  def cut_for(self, variables: Sequence[str]) -> None:
    """Starts just before these variables; none of them may be changed yet."""
    if self._cut_for == tuple(variables):
      return
    self._cut_for = tuple(variables)
    # The old values go first: two sets of them would not fit.
    self._cut = self._whole
    tensors = frontier.find(
      self._inputs, [self._variables[n] for n in variables], self._outputs
    )
    if set(tensors) <= set(self._inputs):
      return
    capture = self._session.make_callable(tensors, self._inputs)
    first = capture(*self._whole.feeds[0])
    size = sum(np.asarray(value).nbytes for value in first)
    if size * len(self._whole.feeds) > self._cache_bytes:
      return
    rest = self._pool.map(lambda fed: capture(*fed), self._whole.feeds[1:])
    self._cut = _Cut(
      self._session.make_callable(self._outputs, tensors), [first] + list(rest)
    )

  def run(self) -> List[List[np.ndarray]]:
    """Computes the outputs for each of the inputs."""
    return list(
      self._pool.map(lambda fed: self._cut.run(*fed), self._cut.feeds)
    )

  def close(self) -> None:
    """Frees the session and the threads."""
    self._pool.shutdown()
    self._session.close()
