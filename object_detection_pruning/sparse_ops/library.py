"""Builds the op library on first use, keeps it in a user cache, loads it once.

The library must match the TensorFlow that loads it, the C++ ABI of that
TensorFlow and this machine's C library, so it is compiled where it runs: with
g++ and the flags that `tf.sysconfig` names, in some ten seconds.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from typing import Any, List, Optional, Tuple

import filelock
import platformdirs
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import atomic_files, errors

SOURCE_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'cc')

# TensorFlow 1's headers are C++11, and a later standard asks for symbols that
# its library does not have. Those of TensorFlow 2 are C++17.
_STANDARD = '-std=c++17' if tf.__version__.startswith('2.') else '-std=c++11'
_COMMON_FLAGS = [_STANDARD, '-fPIC', '-Wall', '-fvisibility=hidden']
_KERNEL_FLAGS = ['-O3', '-fno-exceptions', '-fno-math-errno']
# Sources of the inner kernels, each with the flags of its instruction set.
_BASELINE = {'kernels_baseline.cc': []}
_AVX = {
  'kernels_avx512.cc': [
    '-mavx512f',
    '-mavx512vl',
    '-mavx512dq',
    '-mavx512bw',
    '-mfma',
    '-mprefer-vector-width=512',
  ],
  'kernels_avx2.cc': ['-mavx2', '-mfma'],
}
# Processors that have AVX kernels as well, as `platform.machine` names them.
_WITH_AVX = ('x86_64',)

# What every source includes where TensorFlow was compiled by GCC 4.
_CALLED_BY_VALUE = 'called_by_value.h'

# Seconds to wait for another process that builds the library.
_PATIENCE = 600

_loaded = None  # type: Optional[Any]


def kernel_flags(name: str) -> List[str]:
  """Gives the compiler's flags for a source of inner kernels.

  Args:
    name: of its file, kernels_avx2.cc for one.
  """
  return _KERNEL_FLAGS + dict(_BASELINE, **_AVX)[name]


def load() -> Any:
  """Makes the sparse ops known to TensorFlow, building them if need be.

  Returns:
    The module of op functions, as `tf.load_op_library` gives it.

  Raises:
    InputError: no compiler is there, or it failed.
  """
  global _loaded
  if _loaded is None:
    _loaded = tf.load_op_library(build())
  return _loaded


def build(extra_flags: Optional[List[str]] = None) -> str:
  """Compiles the library unless the cache has it.

  Safe when several processes start at once: one compiles, the others wait.

  Args:
    extra_flags: compiler and linker flags on top, for a sanitizer.

  Returns:
    The path of the shared library.

  Raises:
    InputError: no compiler is there, it failed, or another process has the
      lock for too long.
  """
  extra_flags = list(extra_flags or [])
  path = library_path(extra_flags)
  if os.path.exists(path):
    return path
  os.makedirs(os.path.dirname(path), exist_ok=True)
  try:
    with filelock.FileLock(path + '.lock', timeout=_PATIENCE):
      if not os.path.exists(path):
        _compile(path, extra_flags)
  except filelock.Timeout:
    raise errors.InputError(
      f'the sparse ops were not built, since {path}.lock could not be locked: '
      'another process builds them, or its disk has no locks; then set '
      'XDG_CACHE_HOME to a folder on another disk'
    )
  return path


def library_path(extra_flags: Optional[List[str]] = None) -> str:
  """Where the library for this TensorFlow and these sources belongs."""
  digest = hashlib.sha256()
  for name in sorted(os.listdir(SOURCE_DIR)):
    if not name.endswith(('.cc', '.h')):
      continue
    with open(os.path.join(SOURCE_DIR, name), 'rb') as source:
      digest.update(name.encode() + b'\0' + source.read() + b'\0')
  for flag in _COMMON_FLAGS + _KERNEL_FLAGS + list(extra_flags or []):
    digest.update(flag.encode() + b'\0')
  digest.update(bytes([_calls_by_value()]))
  abi = getattr(tf.sysconfig, 'CXX11_ABI_FLAG', 0)
  # A home folder may be that of machines with different processors.
  kind = f'tf{tf.__version__}-{platform.machine()}-abi{abi}'
  key = f'{kind}-{digest.hexdigest()[:16]}'
  return os.path.join(_cache_dir(), key, 'libsparse_ops.so')


def _calls_by_value() -> bool:
  """Whether GCC 4 has compiled TensorFlow: see the header that is for it."""
  version = tf.version.COMPILER_VERSION
  # Clang says that it is compatible with 4.2.1.
  return version.startswith('4.') and 'Compatible' not in version


def _cache_dir() -> str:
  root = platformdirs.user_cache_dir('object_detection_pruning', False)
  return os.path.join(root, 'sparse_ops')


def _compile(path: str, extra_flags: List[str]) -> None:
  compiler = os.environ.get('CXX') or 'g++'
  if shutil.which(compiler) is None:
    raise errors.InputError(
      f'the sparse ops need a C++ compiler and {compiler} was not found: '
      'install g++ (Debian and Ubuntu: apt-get install g++), or set CXX'
    )
  tf.logging.info('Building the sparse ops, once: %s', path)
  with atomic_files.writing(path) as (
    linked,
  ), tempfile.TemporaryDirectory() as scratch:
    objects = _compile_objects(compiler, scratch, extra_flags)
    _run(
      [compiler, '-shared', '-o', linked]
      + objects
      + tf.sysconfig.get_link_flags()
      + extra_flags
    )


def _compile_objects(
  compiler: str, scratch: str, extra_flags: List[str]
) -> List[str]:
  """Compiles every source, as many at a time as there are processors."""
  commands = []
  objects = []
  for name, flags in sources(platform.machine()):
    objects.append(os.path.join(scratch, name[: -len('.cc')] + '.o'))
    source = os.path.join(SOURCE_DIR, name)
    commands.append(
      [compiler, '-c', source, '-o', objects[-1], *flags, *extra_flags]
    )
  _run_all(commands)
  return objects


def sources(machine: str) -> List[Tuple[str, List[str]]]:
  """Gives the sources of the library for a processor, each with its flags.

  Args:
    machine: name of the processor, as `platform.machine` gives it.
  """
  kernels = dict(_BASELINE)
  # Products are rounded before they are added, as TensorFlow's are. Headers are
  # system headers, so that warnings are about our own sources.
  other_flags = ['-O2', '-ffp-contract=off'] + [
    flag.replace('-I', '-isystem', 1) if flag.startswith('-I') else flag
    for flag in tf.sysconfig.get_compile_flags()
    if 'std=' not in flag
  ]
  if _calls_by_value():
    other_flags += ['-include', os.path.join(SOURCE_DIR, _CALLED_BY_VALUE)]
  if machine in _WITH_AVX:
    kernels.update(_AVX)
    other_flags.append('-DSPARSE_OPS_AVX')
  return [
    (
      name,
      _COMMON_FLAGS + (kernel_flags(name) if name in kernels else other_flags),
    )
    for name in sorted(os.listdir(SOURCE_DIR))
    if name.endswith('.cc') and (name in kernels or name not in _AVX)
  ]


def _run(command: List[str]) -> None:
  _run_all([command])


def _run_all(commands: List[List[str]]) -> None:
  from multiprocessing import pool

  with pool.ThreadPool(os.cpu_count() or 1) as workers:
    for message in workers.imap(_failure, commands):
      if message:
        raise errors.InputError(f'the sparse ops do not compile: {message}')


def _failure(command: List[str]) -> str:
  """Runs a command; its first error line where it fails, else nothing."""
  done = subprocess.run(
    command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
  )
  output = done.stdout.decode(errors='replace')
  if done.returncode == 0:
    for line in output.splitlines():
      tf.logging.debug(line)
    return ''
  lines = [line for line in output.splitlines() if 'error' in line]
  return (lines or [f'{command[0]} exited with {done.returncode}'])[0]
