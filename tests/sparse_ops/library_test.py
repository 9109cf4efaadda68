"""The library is built once, for this TensorFlow and these sources."""

import os
import platform
import subprocess
import sys

import filelock
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.sparse_ops import library


def test_belongs_to_the_version_and_abi_of_tensorflow():
  path = library.library_path()
  folder = os.path.basename(os.path.dirname(path))
  assert folder.startswith(f'tf{tf.__version__}-{platform.machine()}-abi')
  assert library.library_path(['-g']) != path


def test_is_kept_where_the_user_keeps_caches(monkeypatch, tmp_path):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  assert library.library_path().startswith(str(tmp_path))


def test_says_what_to_do_without_a_compiler(monkeypatch, tmp_path):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  monkeypatch.setenv('CXX', 'no-such-compiler')
  with pytest.raises(errors.InputError, match='no-such-compiler.*apt-get'):
    library.build()
  assert not os.path.exists(library.library_path())


def test_names_the_error_of_the_compiler(monkeypatch, tmp_path):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  with pytest.raises(errors.InputError, match='do not compile.*no-such-flag'):
    library.build(['-fno-such-flag'])
  folder = os.path.dirname(library.library_path(['-fno-such-flag']))
  assert os.listdir(folder) == ['libsparse_ops.so.lock']


def test_does_not_wait_for_ever_for_another_process(monkeypatch, tmp_path):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
  monkeypatch.setattr(library, '_PATIENCE', 0.1)
  path = library.library_path()
  os.makedirs(os.path.dirname(path))
  with filelock.FileLock(path + '.lock'), pytest.raises(
    errors.InputError, match=f'{path}.lock could not be locked: .*CACHE_HOME'
  ):
    library.build()


_BUILD = """
import os, sys
from object_detection_pruning.sparse_ops import library
compile_once = library._compile
def counted(path, flags):
  open(os.path.join(sys.argv[1], str(os.getpid())), 'w').close()
  open(path, 'w').close()
library._compile = counted
print(library.build())
"""


def test_is_built_by_one_of_several_processes(tmp_path):
  counts = tmp_path / 'counts'
  counts.mkdir()
  environment = dict(os.environ, XDG_CACHE_HOME=str(tmp_path))
  runs = [
    subprocess.Popen(
      [sys.executable, '-c', _BUILD, str(counts)],
      env=environment,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
    )
    for _ in range(3)
  ]
  paths = {run.communicate()[0].split()[-1] for run in runs}
  assert len(paths) == 1
  assert len(list(counts.iterdir())) == 1


@pytest.mark.parametrize(
  'version, is_gcc_4',
  [
    ('4.8.5', True),
    ('4.8.5 20150623 (Red Hat 4.8.5-11)', True),
    ('5.4.0 20160609', False),
    ('4.2.1 Compatible Apple LLVM 10.0.0', False),
    ('Ubuntu Clang 17.0.2', False),
  ],
)
def test_a_tensorflow_of_gcc_4_hands_values_on(version, is_gcc_4, monkeypatch):
  paths = set()
  for each in ('7.3.1', version):
    monkeypatch.setattr(tf.version, 'COMPILER_VERSION', each)
    paths.add(library.library_path())
  assert len(paths) == 1 + is_gcc_4
  flags = dict(library.sources('x86_64'))
  header = os.path.join(library.SOURCE_DIR, 'called_by_value.h')
  assert (header in flags['pool_op.cc']) == is_gcc_4
  assert header not in flags['kernels_avx2.cc']
