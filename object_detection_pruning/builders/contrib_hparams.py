"""Puts hyperparameters of `tf.contrib.model_pruning` into a pruning message.

The text is what contrib's `get_pruning_hparams().parse` reads:

  begin_pruning_step=1000,sparsity_function_begin_step=1000,
  sparsity_function_end_step=9000,target_sparsity=0.9,
  weight_sparsity_map=[conv1:0.5,conv2/weights:0.8]

What is left out has contrib's default, as it has there.
"""

import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checks, errors
from object_detection_pruning.core import kernels
from object_detection_pruning.protos import pruning_pb2

_FLAG = '--pruning_hparams'
# Contrib's own, and a list that its first releases had.
_DEFAULTS = {
  'name': 'model_pruning',
  'begin_pruning_step': 0,
  'end_pruning_step': -1,
  'weight_sparsity_map': (),
  'threshold_decay': 0.0,
  'pruning_frequency': 10,
  'nbins': 256,
  'block_height': 1,
  'block_width': 1,
  'block_pooling_function': 'AVG',
  'initial_sparsity': 0.0,
  'target_sparsity': 0.5,
  'sparsity_function_begin_step': 0,
  'sparsity_function_end_step': 100,
  'sparsity_function_exponent': 3.0,
  'use_tpu': False,
  'do_not_prune': (),
}
# Why a value other than the default is refused.
_INEXPRESSIBLE = {
  'threshold_decay': 'each update masks an exact number of weights',
  'nbins': 'thresholds are exact and need no histogram',
  'block_pooling_function': 'the mean of a block decides',
  'use_tpu': 'nothing here is for TPUs',
}
_ASSIGNMENT = re.compile(
  r'\s*(?P<name>\w+)\s*=\s*(\[(?P<list>[^\]]*)\]|(?P<value>[^,\[\]]*))\s*(,|$)'
)
_BOOLEANS = {'true': True, '1': True, 'false': False, '0': False}
_KINDS = {
  int: 'a whole number',
  float: 'a number',
  bool: 'true or false',
  str: 'a text',
}


def parse(text: str) -> Dict[str, Any]:
  """Reads hyperparameters.

  Args:
    text: `name=value` pairs with commas between them; lists in brackets.

  Returns:
    Values by name, those left out with contrib's default.

  Raises:
    InputError: it is no list of pairs, a name is not known or given twice, or
      a value is of another type.
  """
  given, position = {}, 0
  while text[position:].strip():
    match = _ASSIGNMENT.match(text, position)
    if not match:
      raise _error(f'{text[position:]!r} is not of the form name=value')
    position = match.end()
    name = match.group('name')
    if name not in _DEFAULTS:
      raise _error(f'{name} is not known; known are {", ".join(_DEFAULTS)}')
    if name in given:
      raise _error(f'{name} is given twice')
    given[name] = _value(name, match.group('list'), match.group('value'))
  return dict(_DEFAULTS, **given)


def with_hparams(
  message: pruning_pb2.Pruning, text: str, flags: Mapping[str, Any]
) -> pruning_pb2.Pruning:
  """Copies a message, with hyperparameters of contrib in its fields.

  Sparsities of single weights come before those of the message, and layers
  that are not pruned are added to the excluded ones.

  Args:
    message: from the pipeline config; may be empty.
    text: see `parse`.
    flags: by field, what other flags say; None where they say nothing.

  Raises:
    InputError: the text is wrong, says what a message cannot, or says it
      beside a flag of the same meaning.
  """
  hparams = parse(text)
  _check_expressible(hparams)
  fields = _fields(hparams)
  for field in fields:
    if flags.get(field) is not None:
      raise errors.InputError(
        f'{_FLAG} and a flag of its own both set {field}: give one of them'
      )
  result = pruning_pb2.Pruning()
  result.CopyFrom(message)
  for field, value in fields.items():
    setattr(result, field, value)
  del result.layer_sparsity[:]
  for layer, target in _layer_sparsities(hparams['weight_sparsity_map']):
    result.layer_sparsity.add(layer=layer, target_sparsity=target)
  result.layer_sparsity.extend(message.layer_sparsity)
  result.exclude.extend(map(_pattern, hparams['do_not_prune']))
  if hparams['name'] != _DEFAULTS['name']:
    tf.logging.warning(
      'The name %s of %s is not used: summaries are under pruning/.',
      hparams['name'],
      _FLAG,
    )
  return result


def _value(name: str, list_text: str, text: str) -> Any:
  default = _DEFAULTS[name]
  if isinstance(default, tuple):
    parts = (text if list_text is None else list_text).split(',')
    return tuple(part for part in map(str.strip, parts) if part)
  kind = type(default)
  try:
    if kind is bool:
      return _BOOLEANS[text.strip().lower()]
    return kind(text.strip())
  except (AttributeError, KeyError, ValueError):
    shown = f'[{list_text}]' if text is None else text.strip()
    raise _error(f'{name} must be {_KINDS[kind]}, got {shown!r}')


def _check_expressible(hparams: Mapping[str, Any]) -> None:
  for name, reason in _INEXPRESSIBLE.items():
    if hparams[name] != _DEFAULTS[name]:
      raise _inexpressible(hparams, name, f'{reason}; leave it out')
  _check_window(hparams)
  if hparams['weight_sparsity_map'] and hparams['initial_sparsity']:
    raise _inexpressible(
      hparams,
      'initial_sparsity',
      'layers of weight_sparsity_map begin with no zeros; make it 0',
    )


def _check_window(hparams: Mapping[str, Any]) -> None:
  begin = hparams['sparsity_function_begin_step']
  end = hparams['sparsity_function_end_step']
  checks.step(f'{_FLAG}: sparsity_function_begin_step', begin)
  checks.step(f'{_FLAG}: begin_pruning_step', hparams['begin_pruning_step'])
  if begin >= end:
    raise _error(
      'sparsity_function_begin_step must be before sparsity_function_end_step '
      f'({end}), got {begin}'
    )
  # Where nothing is zero at first, masks that are updated before the function
  # begins stay full.
  earliest = begin if hparams['initial_sparsity'] else 0
  if not earliest <= hparams['begin_pruning_step'] <= begin:
    raise _inexpressible(
      hparams,
      'begin_pruning_step',
      f'masks change from sparsity_function_begin_step ({begin}) on; give the '
      'same step',
    )
  if hparams['end_pruning_step'] not in (-1, end):
    raise _inexpressible(
      hparams,
      'end_pruning_step',
      f'masks change until sparsity_function_end_step ({end}); give the same '
      'step, or -1',
    )


def _fields(hparams: Mapping[str, Any]) -> Dict[str, Any]:
  """Gives the values of the fields of one value, checked."""

  def checked(check, name):
    return check(f'{_FLAG}: {name}', hparams[name])

  fields = {
    'schedule': pruning_pb2.Pruning.POLYNOMIAL,
    'initial_sparsity': checked(checks.sparsity, 'initial_sparsity'),
    'target_sparsity': checked(checks.sparsity, 'target_sparsity'),
    'start_step': hparams['sparsity_function_begin_step'],
    'end_step': checked(checks.step, 'sparsity_function_end_step'),
    'frequency': checked(checks.count, 'pruning_frequency'),
    'exponent': checked(checks.positive, 'sparsity_function_exponent'),
  }
  height = checked(checks.count, 'block_height')
  width = checked(checks.count, 'block_width')
  if height * width > 1:
    fields['granularity'] = f'{height}x{width}'
  return fields


def _layer_sparsities(entries: Sequence[str]) -> List[Tuple[str, float]]:
  found = []
  for entry in entries:
    name, _, text = entry.rpartition(':')
    try:
      target = float(text)
    except ValueError:
      name = ''
    if not name:
      raise _error(
        f'weight_sparsity_map must have entries of the form name:sparsity, got '
        f'{entry!r}'
      )
    checks.sparsity(f'{_FLAG}: weight_sparsity_map of {name}', target)
    found.append((_pattern(name), target))
  return found


def _pattern(name: str) -> str:
  """A regular expression of layer names for a part of a weight's name."""
  layer, _, last = name.rpartition('/')
  if layer and (last == 'mask' or kernels.kind_of(name, 4)):
    return re.escape(layer) + '$'
  return re.escape(name)


def _inexpressible(
  hparams: Mapping[str, Any], name: str, reason: str
) -> errors.InputError:
  return _error(f'{name}={hparams[name]} cannot be expressed: {reason}')


def _error(text: str) -> errors.InputError:
  return errors.InputError(f'{_FLAG}: {text}')
