"""A process of its own, whose sessions have the threads that it was given."""

import multiprocessing
import pickle
import signal
import traceback
from typing import Any, Callable, Optional

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors, faults, sessions

_READY = b'ready'
# These say all in their message; of others the traceback is of use.
_PASSED_ON = (errors.InputError, OSError)


class OwnProcess:
  """Calls functions in a new process, which ends with this object's context.

  TensorFlow keeps the number of threads of a process's first session. So what
  must run on a given number of threads runs here, whatever sessions the caller
  has had. A program that uses it must guard its main part with `if __name__ ==
  '__main__'`, as for all of `multiprocessing`'s spawned processes.
  """

  def __init__(
    self,
    intra_op: Optional[int],
    inter_op: Optional[int],
    title: str = 'the other process',
  ):
    """Starts the process.

    Args:
      intra_op: threads within an op, see `sessions.config`.
      inter_op: ops at a time, see `sessions.config`.
      title: names the process where it fails.

    Raises:
      ChildProcessError: it ended at once.
    """
    self._title = title
    context = multiprocessing.get_context('spawn')
    self._connection, theirs = context.Pipe()
    self._process = context.Process(
      target=_serve, args=(theirs, intra_op, inter_op), daemon=True
    )
    self._process.start()
    theirs.close()
    try:
      self._connection.recv_bytes()
    except (EOFError, OSError):
      raise ChildProcessError(
        self._end() + ' before it began; a program must guard its main part '
        'with "if __name__ == \'__main__\'"'
      )

  @property
  def pid(self) -> int:
    """Of the process."""
    return self._process.pid

  def call(self, function: Callable, *arguments) -> Any:
    """Calls a function there, and gives its result.

    Args:
      function: of a module's top level, or another callable that can be
        pickled.
      *arguments: that can be pickled.

    Raises:
      InputError: as the function raises it.
      OSError: as the function raises it.
      ChildProcessError: the process ended, or has no memory left.
      RuntimeError: the function raised something else; has its traceback.
    """
    try:
      self._connection.send_bytes(pickle.dumps((function, arguments), 4))
      succeeded, result = pickle.loads(self._connection.recv_bytes())
    except (EOFError, BrokenPipeError, ConnectionResetError):
      raise ChildProcessError(self._end())
    if succeeded:
      return result
    if isinstance(result, MemoryError):
      raise ChildProcessError(f'no memory is left for {self._title}')
    raise result

  def close(self) -> None:
    """Ends the process."""
    self._connection.close()
    self._process.terminate()
    self._process.join()

  def __enter__(self) -> 'OwnProcess':
    return self

  def __exit__(self, *_) -> None:
    self.close()

  def _end(self) -> str:
    """Says how the process ended."""
    self._process.join()
    status = self._process.exitcode
    if status >= 0:
      return f'{self._title} ended with status {status}'
    name = signal.Signals(-status).name
    if name == 'SIGKILL':
      name += ', as where memory runs out'
    return f'{self._title} was ended by {name}'


def _serve(connection, intra_op: Optional[int], inter_op: Optional[int]):
  """Answers calls until nobody is there to make one."""
  # The caller gets it too, and ends this process.
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  if not sessions.size_pools(intra_op, inter_op):
    raise RuntimeError('a session was opened while modules were imported')
  connection.send_bytes(_READY)
  while True:
    try:
      request = connection.recv_bytes()
      connection.send_bytes(_answer(request))
    except (EOFError, BrokenPipeError, ConnectionResetError):
      return


def _answer(request: bytes) -> bytes:
  try:
    function, arguments = pickle.loads(request)
    return pickle.dumps((True, function(*arguments)), 4)
  except (MemoryError, tf.errors.ResourceExhaustedError):
    error: Exception = MemoryError()
  except Exception as caught:
    error = _passed_on(caught)
  return pickle.dumps((False, error), 4)


def _passed_on(error: Exception) -> Exception:
  if isinstance(error, _PASSED_ON):
    return error
  fault = faults.describe(error)
  if fault is not None:
    return OSError(fault)
  return RuntimeError(traceback.format_exc())
