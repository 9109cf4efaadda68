"""Kills each long command at random moments, and starts it again.

    python benchmarks/faults/kill.py --moments=50 --output=RESULT.json

A moment is drawn from the time that a whole run takes. What was killed is
started again and killed again, up to five times in a row; the start after that
must end with what the whole run has given. What the file has of other jobs
stays in it.
"""

import argparse
import os
import random
import shutil
import signal
import tempfile
import time

import jobs
import recorded

_IN_A_ROW = 5


def attack(job, folder, moments, seed, deadline):
  """Gives how often a job was killed and which ends came out wrong."""
  log = os.path.join(folder, 'log')
  whole = os.path.join(folder, 'whole')
  os.makedirs(whole)
  began = time.monotonic()
  jobs.run(job, whole, log)
  seconds = time.monotonic() - began
  expected = job.result(whole)
  draw = random.Random(seed)
  killed, ends, wrong = 0, 0, []
  while killed < moments and time.monotonic() < deadline:
    out = os.path.join(folder, f'run{ends}')
    os.makedirs(out)
    drawn = [draw.uniform(0, seconds) for _ in range(_IN_A_ROW)]
    kills, status = killed_in(job, out, log, drawn)
    killed += kills
    ends += 1
    found = {'failed': f'with status {status}'}
    if not status:
      found = end_of(job, out, log)
    different = sorted(
      name
      for name in set(found) | set(expected)
      if found.get(name) != expected.get(name)
    )
    if different:
      shown = {name: found.get(name) for name in different[:5]}
      wrong.append({'seconds': drawn, 'different': shown})
      print(job.name, wrong[-1], flush=True)
    shutil.rmtree(out)
  return {
    'seed': seed,
    'moments': killed,
    'ends': ends,
    'seconds of a whole run': round(seconds, 1),
    'wrong': wrong,
  }


def end_of(job, out, log):
  """Gives what a job has made when it was started once more."""
  try:
    jobs.run(job, out, log)
    return job.result(out)
  except Exception as error:
    return {'failed': str(error)}


def killed_in(job, out, log, seconds):
  """Starts a job again and again, until it ends by itself.

  Args:
    job: what to start.
    out: its output folder, which keeps what each start has left.
    log: file for what it prints.
    seconds: after which each start is killed, unless it has ended.

  Returns:
    How often it was killed, and the status that it ended with; 0 if it did not.
  """
  for killed, moment in enumerate(seconds):
    process = jobs.start(job, out, log)
    time.sleep(moment)
    os.kill(process, signal.SIGKILL)
    status = jobs.end(process)
    if status != -signal.SIGKILL:
      return killed, status
  return len(seconds), 0


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--moments', type=int, default=50)
  parser.add_argument('--seed', type=int, default=1)
  parser.add_argument('--minutes', type=float, default=600, help='for each job')
  parser.add_argument('--only', default='', help='part of the names of jobs')
  parser.add_argument('--output', required=True)
  options = parser.parse_args()
  result = recorded.read(options.output)
  with tempfile.TemporaryDirectory() as folder:
    for job in jobs.prepare(folder, options.only):
      job_folder = os.path.join(folder, job.name)
      os.makedirs(job_folder)
      deadline = time.monotonic() + 60 * options.minutes
      result[job.name] = attack(
        job, job_folder, options.moments, options.seed, deadline
      )
      print(job.name, result[job.name], flush=True)
      recorded.write(options.output, result)


if __name__ == '__main__':
  main()
