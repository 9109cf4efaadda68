"""Kills each long command at random moments, and starts it again.

    python benchmarks/faults/kill.py --moments=50 --output=RESULT.json

A moment is drawn from the time that a whole run takes. What was killed is
started again and killed again, up to five times in a row; the start after that
must end with what the whole run has given. The same command goes on with the
counts of the file.
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


def attack(job, folder, seconds, expected, draw):
  """Kills a job and starts it again until it ends.

  Args:
    job: the command.
    folder: where it may work.
    seconds: that a whole run takes.
    expected: what a whole run gives.
    draw: random numbers.

  Returns:
    How often it was killed, and what came out wrong; None if all is well.
  """
  out, log = (os.path.join(folder, name) for name in ('out', 'log'))
  os.makedirs(out)
  drawn = [draw.uniform(0, seconds) for _ in range(_IN_A_ROW)]
  kills, status = killed_in(job, out, log, drawn)
  found = {'failed': f'with status {status}'}
  if not status:
    found = end_of(job, out, log)
  shutil.rmtree(out)
  different = sorted(
    name
    for name in set(found) | set(expected)
    if found.get(name) != expected.get(name)
  )
  shown = {name: found.get(name) for name in different[:5]}
  return kills, {'seconds': drawn, 'different': shown} if different else None


def attack_often(job, folder, options, counts):
  """Attacks a job, and yields what came of it until now after each time.

  Args:
    job: the command.
    folder: where it may work.
    options: of the command line.
    counts: what came of it before, from which this goes on.
  """
  whole = os.path.join(folder, 'whole')
  os.makedirs(whole)
  began = time.monotonic()
  jobs.run(job, whole, os.path.join(folder, 'log'))
  seconds = time.monotonic() - began
  expected = job.result(whole)
  deadline = began + 60 * options.minutes
  while counts['moments'] < options.moments and time.monotonic() < deadline:
    draw = random.Random(f'{options.seed} {counts["ends"]}')
    kills, wrong = attack(job, folder, seconds, expected, draw)
    counts['moments'] += kills
    counts['ends'] += 1
    if wrong:
      counts['wrong'].append(wrong)
    yield counts


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
      counts = result.get(job.name, {'moments': 0, 'ends': 0, 'wrong': []})
      if counts['moments'] >= options.moments:
        continue
      job_folder = os.path.join(folder, job.name)
      os.makedirs(job_folder)
      for found in attack_often(job, job_folder, options, counts):
        result[job.name] = found
        recorded.write(options.output, result)
      print(job.name, counts, flush=True)


if __name__ == '__main__':
  main()
