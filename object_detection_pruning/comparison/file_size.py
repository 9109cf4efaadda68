"""How large a model file is, as it is and compressed."""

import gzip
import os
from typing import NamedTuple


class FileSize(NamedTuple):
  """Bytes of a file, raw and after gzip."""

  raw: int
  gzipped: int


def measure(path: str) -> FileSize:
  """Measures a file; the compression level is that of the gzip command."""
  with open(path, 'rb') as file:
    content = file.read()
  return FileSize(os.path.getsize(path), len(gzip.compress(content, 6)))
