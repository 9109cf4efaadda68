"""Lets each long command run out of disk, and looks at how it ends.

    sudo python benchmarks/faults/full_disk.py --output=RESULT.json

Each job writes to a file system of its own in memory, which is too small; to
mount one takes root. It must end with status 2 and one line, and leave nothing
that is half-written.
"""

import argparse
import os
import subprocess
import tempfile
import time

import jobs
import recorded

_PAGE = 4096


def attack(job, folder, size):
  """Gives what is wrong with how a job ends; nothing if it is well."""
  disk = os.path.join(folder, 'disk')
  log = os.path.join(folder, 'log')
  os.makedirs(disk, exist_ok=True)
  mount = ['mount', '-t', 'tmpfs', '-o', f'size={size}', 'tmpfs', disk]
  subprocess.run(mount, check=True)
  try:
    began = time.monotonic()
    out = os.path.join(disk, 'out')
    os.makedirs(out)
    status = jobs.end(jobs.start(job, out, log))
    with open(log, errors='replace') as file:
      lines = file.read().splitlines()
    left = [
      name
      for _, folders, names in os.walk(disk)
      for name in folders + names
      if jobs.is_left_over(name)
    ]
    return {
      'bytes': size,
      'status': status,
      'last line': lines[-1].replace(disk, 'DISK') if lines else '',
      'traceback': any('Traceback' in line for line in lines),
      'left over': left,
      'seconds': round(time.monotonic() - began, 1),
    }
  finally:
    subprocess.run(['umount', disk], check=True)


def is_well(found):
  """Tells whether a job ended as it should, or had room enough."""
  told = 'the disk is full' in found['last line'] and found['status'] == 2
  return (
    (told or not found['status'])
    and not found['traceback']
    and not found['left over']
  )


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--only', default='', help='part of the names of jobs')
  parser.add_argument(
    '--sizes', type=int, nargs='+', default=[_PAGE, 65536, 1 << 20]
  )
  parser.add_argument('--output', required=True)
  options = parser.parse_args()
  result = recorded.read(options.output)
  with tempfile.TemporaryDirectory() as folder:
    for job in jobs.prepare(folder, options.only):
      result[job.name] = []
      for size in options.sizes:
        found = attack(job, folder, size)
        result[job.name].append(found)
        print(job.name, 'well' if is_well(found) else found, flush=True)
      recorded.write(options.output, result)


if __name__ == '__main__':
  main()
