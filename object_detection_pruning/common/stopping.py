"""How Ctrl-C and SIGTERM end a command: at once, or at the next safe point.

Only a command listens; in a library the signals are those of the caller.
"""

import signal
from typing import Optional

CTRL_C = signal.SIGINT
_NAMES = {CTRL_C: 'Ctrl-C', signal.SIGTERM: 'SIGTERM'}

# A signal that has come while it had to wait.
_pending = None  # type: Optional[int]
_waits = False


class Stopped(KeyboardInterrupt):
  """The command was told to end.

  What cleans up after a `KeyboardInterrupt` does so after this one too.

  Attributes:
    number: of the signal.
    step: the global step that training was saved at; None where there is none.
  """

  def __init__(self, number: int, step: Optional[int] = None):
    super().__init__()
    self.number = number
    self.step = step

  @property
  def status(self) -> int:
    """The exit status that shells give to a process that a signal ended."""
    return 128 + self.number

  def __str__(self) -> str:
    at = '' if self.step is None else f' at step {self.step}'
    return f'stopped{at} by {_NAMES[self.number]}'


def listen() -> None:
  """Lets both signals raise `Stopped` from now on.

  A signal that the one who started this process has switched off stays off.
  """
  for number in _NAMES:
    if signal.getsignal(number) != signal.SIG_IGN:
      signal.signal(number, _received)


def wait(waits: bool) -> None:
  """Says whether a signal waits until somebody asks for it.

  A second signal does not wait. One that came while this was on, and that
  nobody has asked for, is raised when it is switched off.
  """
  global _waits
  _waits = waits
  if not waits and _pending is not None:
    raise Stopped(take())


def take() -> Optional[int]:
  """Gives the signal that waits, and forgets it; None if there is none."""
  global _pending
  number, _pending = _pending, None
  return number


def _received(number: int, _) -> None:
  global _pending, _waits
  if _waits and _pending is None:
    _pending = number
    return
  # What ends must not begin to wait again.
  _waits, _pending = False, None
  raise Stopped(number)
