import multiprocessing
import os
import shutil
import signal

import pytest
from analyses import RATIOS

from object_detection_pruning.common import errors
from object_detection_pruning.sensitivity import analysis as analysis_lib
from object_detection_pruning.sensitivity import request, results_file


def test_without_workers_what_they_left_is_taken_too(dense, analysis, tmp_path):
  output = str(tmp_path / 'a.json')
  shutil.copyfile(analysis, results_file.part_path(output, 2, 5))
  wanted = request.Request(
    dense.path,
    dense.checkpoint,
    output,
    ratios=RATIOS,
    metric='loss',
    include=['Conv2d_[23]_pointwise', 'Conv2d_13_pointwise$'],
  )
  prepared = request.prepare(wanted)
  assert not prepared.missing
  analysis_lib.run(prepared)
  assert _read(output) == _read(analysis)
  assert os.listdir(str(tmp_path)) == ['a.json']


class _Process:
  """A process that has ended, or will not."""

  def __init__(self, exitcode):
    self.exitcode = exitcode

  def is_alive(self):
    return self.exitcode is None

  def terminate(self):
    self.exitcode = self.exitcode or -signal.SIGTERM

  def join(self, timeout=None):
    assert self.exitcode is not None, 'another has failed'


def test_bad_input_in_a_worker_is_told_in_its_own_line(tmp_path):
  failures = multiprocessing.SimpleQueue()
  wanted = request.Request('/no/a.config', '/no/a.ckpt', str(tmp_path / 'a'))
  with pytest.raises(SystemExit) as raised:
    analysis_lib._work(wanted, os.getpid(), failures)
  assert raised.value.code == 1
  with pytest.raises(errors.InputError, match="^no pipeline config at '/no/a"):
    analysis_lib._end([_Process(None), _Process(1)], failures)
  with pytest.raises(errors.InputError, match='a worker ended with status -9'):
    analysis_lib._end([_Process(0), _Process(-9)], failures)
  analysis_lib._end([_Process(0)], failures)


def _read(path):
  with open(path) as file:
    return file.read()
