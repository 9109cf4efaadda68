"""A process that runs a model each time it is told to, for taking turns."""

import json
import os
import subprocess
import time
from typing import Any, Dict, List, Optional


class WorkerProcess:
  """Starts a worker, which writes a line of JSON once it is ready.

  For each line that it reads then, it runs its model a few times and writes the
  seconds of each run.

  Attributes:
    start: what it wrote first.
    times: seconds of all runs that count.
  """

  def __init__(
    self, command: List[str], environment: Optional[Dict[str, str]] = None
  ):
    """Starts it, and waits until it is ready.

    Args:
      command: to run.
      environment: variables to set for it.

    Raises:
      RuntimeError: it ended before it was ready.
    """
    self.times: List[float] = []
    self._process = subprocess.Popen(
      command,
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
      universal_newlines=True,
      env=dict(os.environ, **(environment or {})),
    )
    line = self._process.stdout.readline()
    while line and not line.startswith('{'):  # MNN greets on stdout.
      line = self._process.stdout.readline()
    if not line:
      raise RuntimeError(f'does not start: {" ".join(command)}')
    self.start: Dict[str, Any] = json.loads(line)

  def run(self, keep: bool = True) -> None:
    """Lets it run its model; the runs count if `keep`."""
    self._process.stdin.write('\n')
    self._process.stdin.flush()
    seconds = [float(s) for s in self._process.stdout.readline().split()]
    if keep:
      self.times += seconds

  def stop(self) -> None:
    """Ends it."""
    self._process.stdin.close()
    self._process.wait()


def take_turns(workers: List[WorkerProcess], seconds: float) -> None:
  """Runs workers by turns for some time after a warm-up, and ends them."""
  for worker in workers:
    worker.run(keep=False)
  end = time.time() + seconds
  while time.time() < end:
    for worker in workers:
      worker.run()
  for worker in workers:
    worker.stop()
