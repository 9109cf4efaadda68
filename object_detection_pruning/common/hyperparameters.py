"""Hyperparameters of the stock API, where there is no `tf.contrib`."""

import re
from typing import Any, Dict

_ASSIGNMENT = re.compile(r'(?P<name>\w+)\s*=\s*(?P<value>[^,]+)')
_BOOLEANS = {'true': True, '1': True, 'false': False, '0': False}


class HParams:
  """Named values, that a string `name=value,name=value` may override.

  As much of `tf.contrib.training.HParams` as the stock model library and slim's
  NASNet use.
  """

  def __init__(self, **values: Any):
    """Holds the values; the type of each is what an override must have."""
    self._names = list(values)
    self.__dict__.update(values)

  def values(self) -> Dict[str, Any]:
    """Gives the values by name."""
    return {name: getattr(self, name) for name in self._names}

  def get(self, name: str, default: Any = None) -> Any:
    """Gives one value, or the default where it has no such name."""
    return self.values().get(name, default)

  def set_hparam(self, name: str, value: Any) -> None:
    """Sets one value, or raises `KeyError` where it has no such name."""
    if name not in self._names:
      raise KeyError(name)
    setattr(self, name, value)

  def parse(self, overrides: str) -> 'HParams':
    """Takes over the values of a string.

    Args:
      overrides: `name=value` pairs with commas between them.

    Returns:
      itself.

    Raises:
      ValueError: it is no list of pairs, or names or types are not known.
    """
    for part in filter(None, map(str.strip, overrides.split(','))):
      match = _ASSIGNMENT.fullmatch(part)
      if not match:
        raise ValueError(f'not of the form name=value: {part!r}')
      name, text = match.group('name'), match.group('value').strip()
      if name not in self._names:
        raise ValueError(
          f'Unknown hyperparameter {name!r}, known are '
          + ', '.join(self._names)
        )
      setattr(self, name, _as_type_of(getattr(self, name), name, text))
    return self


def _as_type_of(value: Any, name: str, text: str) -> Any:
  try:
    if isinstance(value, bool):
      return _BOOLEANS[text.lower()]
    return type(value)(text)
  except (KeyError, ValueError):
    kind = type(value).__name__
    raise ValueError(f'{name} must be a {kind}, got {text!r}')
