"""Reads the flags of a command, says what is wrong with them, and lists them.

absl's own parser prints several lines and exits with status 1, for `--help`
too.
"""

import difflib
import math
import re
import sys
import textwrap
from typing import List, Optional

from absl import flags

from object_detection_pruning.common import errors
from object_detection_pruning.common import flags as shared_flags

_HELP = ('-h', '-?', '-help', '--help', '-helpshort', '--helpshort')
_FULL_HELP = ('-helpfull', '--helpfull')
_WIDTH = 80
_VERBOSE = 'verbose'
_IS_MISSING = 'must have a value other than None'

flags.DEFINE_boolean(
  _VERBOSE, False, "Show TensorFlow's own log and warnings too."
)


def parse(argv: List[str]) -> List[str]:
  """Parses the flags of the command line.

  Args:
    argv: name of the program and its arguments.

  Returns:
    The name of the program alone: no command takes other arguments.

  Raises:
    InputError: a flag is unknown, missing, given by two names or has a value
      that it cannot have; or there is an argument that is no flag.
  """
  try:
    rest = flags.FLAGS(argv)
  except flags.Error as error:
    raise errors.InputError(describe(error))
  if len(rest) > 1:
    raise errors.InputError(
      f'unexpected argument: {rest[1]}; flags start with --, and a value with '
      'spaces needs quotes'
    )
  _check_finite()
  for flag in _own_flags():
    given = [
      each
      for each in [flag.name, *shared_flags.aliases_of(flag.name)]
      if re.search(rf'^--?{each}(=|$)', '\n'.join(argv[1:]), re.MULTILINE)
    ]
    if len(given) > 1:
      raise errors.InputError(
        f'--{given[0]} and --{given[1]} are two names of one flag: give one'
      )
  return rest


def _check_finite() -> None:
  """Refuses infinity and what is no number in flags of numbers.

  Comparisons with NaN are all false, so that checks of bounds let it pass.
  """
  for flag in _own_flags():
    if not isinstance(flag.parser, flags.FloatParser):
      continue
    values = flag.value if isinstance(flag.value, list) else [flag.value]
    for value in values:
      if value is not None and not math.isfinite(value):
        raise errors.InputError(
          f'--{flag.name} must be a finite number, got {value}'
        )


def describe(error: flags.Error) -> str:
  """Says in one line what is wrong with the flags that were given."""
  text = str(error)
  missing = re.findall(rf'Flag --(\w+) {_IS_MISSING}', text)
  if missing:
    names = ' and '.join(f'--{name}' for name in missing)
    verb = 'is' if len(missing) == 1 else 'are'
    return f'{names} {verb} needed; --help says more'
  if isinstance(error, flags.UnrecognizedFlagError):
    near = difflib.get_close_matches(error.flagname, _own_names(), 3, 0.5)
    tip = (
      'did you mean ' + ' or '.join(f'--{name}' for name in near) + '?'
      if near
      else '--help lists the flags'
    )
    return f'there is no flag --{error.flagname}; {tip}'
  illegal = re.match(r'flag --(\w+)=(.*?): ', text, re.DOTALL)
  if illegal and illegal.group(1) in flags.FLAGS:
    name, value = illegal.groups()
    allowed = _allowed(flags.FLAGS[name])
    if allowed:
      return f'--{name} must be {allowed}, got {value!r}'
  lacks_value = re.match(r'Missing value for flag -*(\w+)', text)
  if lacks_value:
    return f'--{lacks_value.group(1)} needs a value'
  return text.splitlines()[0]


def help_asked_for(argv: List[str]) -> Optional[str]:
  """Gives the text that `--help` or `--helpfull` asks for, or None."""
  # What follows -- are no flags.
  asked = argv[1 : argv.index('--')] if '--' in argv else argv[1:]
  if any(argument in _FULL_HELP for argument in asked):
    return f'{_docstring()}\n{flags.FLAGS.get_help()}'
  if any(argument in _HELP for argument in asked):
    return help_text()
  return None


def help_text() -> str:
  """Describes the command that runs: its docstring and its own flags."""
  parts = [_docstring()]
  own = _own_flags()
  if own:
    parts.append('Flags:')
  parts.extend(_flag_help(flag) for flag in own)
  return '\n'.join(parts)


def _flag_help(flag: flags.Flag) -> str:
  remarks = []
  if any(_IS_MISSING in check.message for check in flag.validators):
    remarks.append('needed')
  elif flag.default not in (None, '', []):
    default = flag.default_as_str.strip("'")
    remarks.append(f'default: {default}')
  aliases = shared_flags.aliases_of(flag.name)
  if aliases:
    remarks.append('or ' + ', '.join(f'--{alias}' for alias in aliases))
  head = f'  --{"[no]" if flag.boolean else ""}{flag.name}'
  if remarks:
    head += f' ({"; ".join(remarks)})'
  # absl says of some flags that they may be repeated, on a line of its own.
  text = flag.help.split(';\n')[0]
  if isinstance(flag.parser, flags.EnumParser):
    # absl puts the values in front, without spaces.
    text = re.sub(r'^<.*?>: ', '', text)
    text += f' One of {", ".join(flag.parser.enum_values)}.'
  lines = textwrap.wrap(head, _WIDTH, subsequent_indent='    ')
  lines += textwrap.wrap(
    text, _WIDTH, initial_indent=' ' * 6, subsequent_indent=' ' * 6
  )
  return '\n'.join(lines)


def _docstring() -> str:
  return (sys.modules['__main__'].__doc__ or '').strip() + '\n'


def _own_flags() -> List[flags.Flag]:
  own = flags.FLAGS.get_key_flags_for_module(sys.argv[0])
  # It is of every command, and stands last.
  own = [flag for flag in own if flag.name != _VERBOSE]
  return [
    flag
    for flag in own + [flags.FLAGS[_VERBOSE]]
    if not shared_flags.is_alias(flag)
  ]


def _own_names() -> List[str]:
  names = []
  for flag in _own_flags():
    names += [flag.name, *shared_flags.aliases_of(flag.name)]
  return names


def _allowed(flag: flags.Flag) -> Optional[str]:
  """Says what values a flag takes, where that follows from its kind."""
  parser = flag.parser
  if isinstance(parser, flags.EnumParser):
    return 'one of ' + ', '.join(parser.enum_values)
  if isinstance(parser, flags.BooleanParser):
    return 'true or false'
  if isinstance(parser, flags.IntegerParser):
    return 'a whole number'
  if isinstance(parser, flags.FloatParser):
    return 'a number'
  return None
