"""Hashes of what is too large to compare."""

import hashlib
from typing import Iterable


def of_parts(parts: Iterable[bytes]) -> str:
  """Gives the hash of parts, each of which ends where the next begins."""
  result = hashlib.sha256()
  for part in parts:
    result.update(hashlib.sha256(part).digest())
  return result.hexdigest()
