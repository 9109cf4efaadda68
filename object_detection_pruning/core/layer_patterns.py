"""Regular expressions that pick layers by name."""

import re
from typing import Iterable, List, Sequence, Tuple

from object_detection_pruning.common import errors

_LISTED = 5


def check(field: str, patterns: Iterable[str]) -> Tuple[str, ...]:
  """Gives the patterns, or raises `InputError` that names the field.

  It raises for a broken pattern, and for a text in place of a list, of which
  each letter would be a pattern.
  """
  if isinstance(patterns, str):
    raise errors.InputError(
      f'{field} must be a list of regular expressions, got the text '
      f'{patterns!r}'
    )
  patterns = tuple(patterns)
  for pattern in patterns:
    try:
      re.compile(pattern)
    except re.error as error:
      raise errors.InputError(
        f'{field} must be regular expressions of layer names, '
        f'got {pattern!r}: {error}'
      )
  return patterns


def found(patterns: Iterable[str], layer: str) -> bool:
  """Tells whether any of the patterns is found in the layer's name."""
  return any(re.search(pattern, layer) for pattern in patterns)


def unmatched(patterns: Iterable[str], layers: Iterable[str]) -> List[str]:
  """Lists the patterns that are found in none of the layers' names."""
  layers = list(layers)
  return [
    pattern
    for pattern in patterns
    if not any(re.search(pattern, layer) for layer in layers)
  ]


def found_in_any(patterns: Sequence[str], layers: Iterable[str]) -> bool:
  """Tells whether any of the patterns is found in any of the layers' names."""
  return any(found(patterns, layer) for layer in layers)


def is_chosen(
  include: Sequence[str], exclude: Sequence[str], layers: Sequence[str]
) -> bool:
  """Tells whether something of these layers is meant.

  Args:
    include: patterns, of which one must be found; none at all mean everything.
    exclude: patterns, of which none must be found.
    layers: names.
  """
  return (not include or found_in_any(include, layers)) and not found_in_any(
    exclude, layers
  )


def check_each_found(
  include: Sequence[str],
  exclude: Sequence[str],
  layers: Sequence[str],
  kind: str = '',
) -> None:
  """Raises `InputError` for a pattern that is broken or found in no layer.

  Args:
    include: patterns.
    exclude: patterns.
    layers: names.
    kind: of layers, for the message: 'layer that can be pruned'.
  """
  nowhere = f'no {kind}; these are' if kind else 'no layer; layers are'
  for field, given in (('include', include), ('exclude', exclude)):
    check(field, given)
    for pattern in unmatched(given, layers):
      raise errors.InputError(
        f'{field} pattern {pattern!r} is found in {nowhere}: {listed(layers)}'
      )


def listed(layers: Sequence[str]) -> str:
  """Names layers in a message: the first few, and how many more there are."""
  names = ', '.join(layers[:_LISTED])
  if len(layers) <= _LISTED:
    return names
  return (
    f'{names} and {len(layers) - _LISTED} more (odp inspect_model lists all)'
  )
