"""Every flag that two commands have is defined once."""

import ast
import collections
import os

from object_detection_pruning import __main__ as front_door
from object_detection_pruning.common import flags as shared_flags

_PACKAGE = os.path.dirname(os.path.abspath(front_door.__file__))


def _defined(module):
  """Names of the flags that the source of a command defines by itself."""
  path = os.path.join(_PACKAGE, *module.split('.')) + '.py'
  with open(path, encoding='utf-8') as source:
    tree = ast.parse(source.read())
  return [
    node.args[0].value if hasattr(node.args[0], 'value') else node.args[0].s
    for node in ast.walk(tree)
    if isinstance(node, ast.Call)
    and getattr(node.func, 'attr', '').startswith('DEFINE_')
    and node.func.attr != 'DEFINE_alias'
  ]


def test_flags_of_several_commands_are_shared():
  by_name = collections.defaultdict(list)
  for group in front_door.COMMANDS.values():
    for command in group:
      for name in _defined(command.module):
        by_name[name].append(command.name)
  assert len(by_name) > 30
  twice = {name: where for name, where in by_name.items() if len(where) > 1}
  assert not twice
  assert not set(by_name) & set(shared_flags.SHARED)
