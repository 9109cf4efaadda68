"""How large a model is, as it is and compressed."""

import gzip
import os
from typing import Iterator, NamedTuple


class FileSize(NamedTuple):
  """Bytes of a model, raw and after gzip."""

  raw: int
  gzipped: int


def measure(path: str) -> FileSize:
  """Measures a file, or all files in a folder.

  The compression level is that of the gzip command.
  """
  raw = gzipped = 0
  for name in _files(path):
    with open(name, 'rb') as file:
      content = file.read()
    raw += len(content)
    gzipped += len(gzip.compress(content, 6))
  return FileSize(raw, gzipped)


def _files(path: str) -> Iterator[str]:
  if not os.path.isdir(path):
    yield path
  for folder, _, names in os.walk(path):
    for name in names:
      yield os.path.join(folder, name)
