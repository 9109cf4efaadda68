"""Lists the commands of Object Detection Pruning."""

import ast
import os
import sys
from typing import Iterator, Tuple

_PACKAGE = 'object_detection_pruning'
_FOLDERS = ('', 'dataset_tools')


def find_commands(root: str) -> Iterator[Tuple[str, str]]:
  """Yields the module name and the description of each command.

  A command is a module that calls `command.run`. Only its source is read, since
  an import would build graphs and define flags that clash.

  Args:
    root: folder of the package.
  """
  for folder in _FOLDERS:
    directory = os.path.join(root, folder)
    for name in sorted(os.listdir(directory)):
      stem, extension = os.path.splitext(name)
      if extension != '.py':
        continue
      with open(os.path.join(directory, name), encoding='utf-8') as source:
        tree = ast.parse(source.read())
      if _calls_command_run(tree):
        description = (ast.get_docstring(tree) or '').split('\n')[0]
        yield '.'.join(filter(None, (_PACKAGE, folder, stem))), description


def _calls_command_run(tree: ast.Module) -> bool:
  return any(
    isinstance(node, ast.Call)
    and isinstance(node.func, ast.Attribute)
    and node.func.attr == 'run'
    and isinstance(node.func.value, ast.Name)
    and node.func.value.id == 'command'
    for node in ast.walk(tree)
  )


def main() -> None:
  root = os.path.dirname(os.path.abspath(__file__))
  commands = list(find_commands(root))
  width = max(len(module) for module, _ in commands)
  print('Commands (python -m COMMAND --help lists the flags of one):')
  for module, description in commands:
    print(f'  {module:{width}}  {description}')
  if len(sys.argv) > 1 and sys.argv[1] not in ('-h', '--help', '--helpfull'):
    print(
      f'error: unexpected argument: {sys.argv[1]}; a command is run as '
      f'python -m {_PACKAGE}.COMMAND',
      file=sys.stderr,
    )
    sys.exit(1)


if __name__ == '__main__':
  main()
