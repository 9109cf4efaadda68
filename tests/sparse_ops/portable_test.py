"""The sparse ops for processors without AVX: compiled, and run if possible."""

import os
import shutil
import subprocess
import sys

import pytest
import random_cases

from object_detection_pruning.sparse_ops import library

_ARM_COMPILER = 'aarch64-linux-gnu-g++'
_ELSEWHERE = """
import platform, runpy, sys
from object_detection_pruning.sparse_ops import library
platform.machine = lambda: 'another'
runpy.run_path(sys.argv.pop(1), run_name='__main__')
"""


def test_only_x86_has_avx_kernels():
  def kernels(machine):
    names = [name for name, _ in library.sources(machine)]
    return [name for name in names if name.startswith('kernels_')]

  assert kernels('aarch64') == kernels('another') == ['kernels_baseline.cc']
  assert kernels('x86_64') == [
    'kernels_avx2.cc',
    'kernels_avx512.cc',
    'kernels_baseline.cc',
  ]


@pytest.mark.slow
def test_ops_agree_when_built_for_an_unknown_processor(tmp_path):
  done = subprocess.run(
    [sys.executable, '-c', _ELSEWHERE, random_cases.__file__]
    + ['--count=8', '--seed=3', '--threads=1'],
    env=dict(
      os.environ,
      XDG_CACHE_HOME=str(tmp_path),
      PYTHONPATH=os.pathsep.join(sys.path),
      ODP_SPARSE_ISA='avx2',
      TF_CPP_MIN_LOG_LEVEL='0',
    ),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    encoding='utf-8',
  )
  assert '8 cases of every op agree' in done.stdout, done.stderr[-2000:]
  assert 'nothing that this processor runs (baseline)' in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(
  not shutil.which(_ARM_COMPILER), reason=f'there is no {_ARM_COMPILER}'
)
def test_compiles_for_arm(tmp_path):
  for name, flags in library.sources('aarch64'):
    done = subprocess.run(
      [_ARM_COMPILER, '-c', os.path.join(library.SOURCE_DIR, name)]
      + ['-o', str(tmp_path / 'object.o'), *flags],
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      encoding='utf-8',
    )
    assert not done.returncode, done.stdout
    assert 'warning' not in done.stdout
