"""Runs commands and functions in forks of a process that has imported all.

Each has a process of its own, forked before any session, with a time limit.
"""

import atexit
import json
import os
import re
import resource
import runpy
import signal
import sys
import tempfile
import time
from typing import Any, Callable, Optional

import forked_commands

_ERROR = re.compile(r'^(?:error: .+|[A-Za-z_][\w.]*(?:Error|Exception)\b.*)')
_LONGEST = 200
# Seconds of the clock for each of the processor.
_WALL = 20
# Seconds after which a process is killed that takes no notice.
_GRACE = 10


class Failed(Exception):
  """A check did not succeed; the message is one line that says why."""


class Runner:
  """Runs things in forks, until they have had their time.

  Time is that of the processor, so other work of the machine does not count. A
  process that waits for something that never comes is killed as well.

  Attributes:
    seconds: that all of them together may take.
    longest: that one of them may take.
  """

  def __init__(self, seconds: float, longest: float):
    self.seconds = seconds
    self.longest = longest
    self._before = _seconds_of_children()

  def command(self, name: str, *arguments: str) -> str:
    """Runs a command of the package to its end.

    Returns:
      What it printed.

    Raises:
      Failed: it did not end well, or not in time.
    """
    module = f'object_detection_pruning.{name}'

    def run() -> None:
      sys.argv = [module, *arguments]
      runpy.run_module(module, run_name='__main__', alter_sys=True)

    return self._forked(run)

  def call(self, function: Callable, *arguments: Any) -> Any:
    """Calls a function, whose result is plain data; see `command`."""
    with tempfile.NamedTemporaryFile('r', suffix='.json') as result:

      def run() -> None:
        value = function(*arguments)
        with open(result.name, 'w') as file:
          json.dump(value, file)

      self._forked(run)
      return json.load(result)

  def _forked(self, run: Callable[[], None]) -> str:
    began = _seconds_of_children()
    seconds = int(min(self.longest, self.seconds - (began - self._before)))
    if seconds <= 0:
      raise Failed(
        f'not run: the detector took its {self.seconds:.0f} s before'
      )
    with tempfile.TemporaryFile() as output:
      child = os.fork()
      if not child:
        os.setpgid(0, 0)
        # The signal of the first limit tells a late one from a killed one.
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + _GRACE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        sys.stdout = open(1, 'w', closefd=False)  # noqa: SIM115
        sys.stderr = open(2, 'w', closefd=False)  # noqa: SIM115
        _run_to_its_end(run)
      status = _wait(child, time.monotonic() + _WALL * seconds)
      output.seek(0)
      text = output.read().decode(errors='replace')
    if status is None or os.WTERMSIG(status) == signal.SIGXCPU:
      raise Failed(f'not run to its end: over {seconds} s')
    if status:
      # For whoever wants more than the line.
      print(text, file=sys.stderr)
      raise Failed(reason(text, status))
    return text


def reason(output: str, status: int) -> str:
  """Finds the line in which a program says why it failed.

  Args:
    output: what it printed.
    status: as `os.waitpid` gives it.
  """
  if os.WIFSIGNALED(status):
    return f'killed by {signal.Signals(os.WTERMSIG(status)).name}'
  lines = [
    match.group() for match in map(_ERROR.match, output.splitlines()) if match
  ]
  line = lines[-1] if lines else f'ended with status {status >> 8}'
  # Of classes that TensorFlow names by their modules, the name is enough.
  line = re.sub(r'^[\w.]*\.(\w+(?:Error|Exception))', r'\1', line)
  line = re.sub(r'^Failed: |^\w*\.?Failed: ', '', line)
  return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + '...'


def _seconds_of_children() -> float:
  """Gives the time of the processor that all forks so far have had."""
  usage = resource.getrusage(resource.RUSAGE_CHILDREN)
  return usage.ru_utime + usage.ru_stime


def _wait(child: int, ends: float) -> Optional[int]:
  """Gives the status of a child; kills it and gives None if it is late."""
  while time.monotonic() < ends:
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
      return status
    time.sleep(0.05)
  os.killpg(child, signal.SIGKILL)
  os.waitpid(child, 0)
  return None


def _run_to_its_end(run: Callable[[], None]) -> None:
  """Runs something, and ends this process with its status."""

  def run_or_say() -> None:
    try:
      run()
    except Failed as error:
      raise SystemExit(f'error: {error}')

  # What the parent does at its end is not for its forks to do.
  atexit._clear()
  forked_commands.run_to_its_end(run_or_say)
