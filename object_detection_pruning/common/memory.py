"""Memory of this process."""

import contextlib
import ctypes
import os

from object_detection_pruning.common import errors

# Set to 0, the C library's own way stays; 1 is the default.
SWITCH = 'ODP_KEEP_MEMORY'
# What glibc's malloc.h calls M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD,
# with values in bytes. It takes no greater one for the first.
_KEPT = {-3: 32 << 20, -1: 1 << 30, -2: 64 << 20}
# Where a user has set one of these, that stays.
_OF_GLIBC = tuple(
  f'MALLOC_{name}_' for name in ('MMAP_THRESHOLD', 'TRIM_THRESHOLD', 'TOP_PAD')
)


def keep() -> None:
  """Lets the C library keep freed memory for what is allocated next.

  A network allocates and frees the same large tensors in every step. glibc
  gives each of them back to the system, which takes its time and clears the
  pages each time anew. Elsewhere than with glibc nothing is done.

  Raises:
    InputError: the switch is neither 0 nor 1.
  """
  switch = os.environ.get(SWITCH, '1')
  if switch not in ('0', '1'):
    raise errors.InputError(f'{SWITCH} must be 0 or 1, got {switch!r}')
  if switch == '0' or _is_tuned():
    return
  with contextlib.suppress(OSError, AttributeError):
    library = ctypes.CDLL('libc.so.6')
    for parameter, value in _KEPT.items():
      library.mallopt(parameter, value)


def _is_tuned() -> bool:
  """Tells whether the user has told glibc how to keep memory."""
  return any(name in os.environ for name in _OF_GLIBC) or (
    'glibc.malloc.' in os.environ.get('GLIBC_TUNABLES', '')
  )


def give_back() -> None:
  """Gives the system back what has been freed.

  The C library keeps it for later, and so a process is as large for its whole
  life as its largest step was. Elsewhere than with glibc nothing is done.
  """
  with contextlib.suppress(OSError, AttributeError):
    ctypes.CDLL('libc.so.6').malloc_trim(0)
