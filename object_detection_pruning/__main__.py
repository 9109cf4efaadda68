"""The front door: lists the commands, explains one, or runs one.

  odp                      lists the commands
  odp help COMMAND         lists the flags of one; so does odp COMMAND --help
  odp COMMAND [--FLAG...]  runs one

`python -m object_detection_pruning` does the same. This module imports nothing
but the standard library: `odp` runs it without importing the package around it,
which would import TensorFlow and take seconds.
"""

import difflib
import os
import runpy
import sys
from typing import Dict, List, NamedTuple, Optional

_PACKAGE = 'object_detection_pruning'
_BAD_INPUT = 2
_INTERRUPTED = 130
_UNREAD = 141


class Command(NamedTuple):
  """A command.

  Attributes:
    module: its module, without the name of the package.
    summary: what it does: the first line of the module's docstring.
    alias: its name, where that is not the last part of the module's.
  """

  module: str
  summary: str
  alias: str = ''

  @property
  def name(self) -> str:
    return self.alias or self.module.rpartition('.')[2]


# What a person wants to do, and the commands that do it.
COMMANDS: Dict[str, List[Command]] = {
  'See everything at once': [
    Command('quickstart', 'Trains, prunes, exports and compares in one go.'),
  ],
  'Make data': [
    Command(
      'dataset_tools.create_shapes_tf_record',
      'Draws a small data set of textured shapes.',
    ),
    Command(
      'dataset_tools.create_voc_tf_record',
      'Converts one set of a PASCAL VOC folder.',
    ),
    Command(
      'dataset_tools.create_coco_tf_record',
      'Converts a COCO annotations file.',
    ),
  ],
  'Train and prune weights': [
    Command('model_main', 'Trains, prunes and evaluates a detector.'),
    Command(
      'recalibrate_batch_norm',
      'Measures batch-norm statistics of a checkpoint anew.',
    ),
  ],
  'Prune without training': [
    Command(
      'prune_weights',
      'Prunes a trained detector from photos, untrained.',
    ),
  ],
  'Remove channels': [
    Command(
      'prune_channels', 'Removes whole channels from a trained detector.'
    ),
  ],
  'Find out which layers can be pruned': [
    Command(
      'analyze_sensitivity', 'Prunes each layer alone and measures the loss.'
    ),
    Command('plot_sensitivity', 'Draws the result of analyze_sensitivity.'),
    Command(
      'allocate_sparsity', 'Chooses layer sparsities for a pipeline config.'
    ),
  ],
  'Export': [
    Command(
      'export_inference_graph', 'Exports a frozen graph and a SavedModel.'
    ),
    Command(
      'export_sparse_graph', 'Rewrites a frozen graph to skip its zeros.'
    ),
    Command('export_tflite', 'Exports an SSD as a TFLite model.'),
    Command(
      'strip_pruning_vars', 'Folds the masks of a graph into its weights.'
    ),
    Command(
      'sparse_ops.build',
      'Compiles the sparse ops ahead of their first use.',
      'build_sparse_ops',
    ),
  ],
  'Run, inspect and compare models': [
    Command('detect', 'Runs an exported detector on images.'),
    Command(
      'inspect_model', 'Lists weights, zeros and MACs of a model by layer.'
    ),
    Command(
      'compare_models', 'Compares accuracy, size and speed of several models.'
    ),
  ],
}


def listing() -> str:
  """Lists all commands, grouped, in lines of at most 80 columns."""
  width = max(len(command.name) for command in _by_name().values())
  lines = ['usage: odp COMMAND [--FLAG...]', '']
  for title, commands in COMMANDS.items():
    lines.append(f'{title}:')
    lines += [f'  {each.name:{width}}  {each.summary}' for each in commands]
    lines.append('')
  lines.append('"odp help COMMAND" shows an example and the flags of one.')
  return '\n'.join(lines)


def main(arguments: Optional[List[str]] = None) -> None:
  """Does what the command line says.

  Args:
    arguments: of the command line, the program's name left out.
  """
  arguments = list(sys.argv[1:] if arguments is None else arguments)
  if arguments[:1] == ['help']:
    arguments = arguments[1:2] + ['--help']
  if not arguments or arguments[0] in ('-h', '-help', '--help', '--helpfull'):
    _print(listing())
    return
  name, *rest = arguments
  command = _by_name().get(name)
  if command is None:
    _fail(_unknown(name))
  if '--verbose' not in rest:
    # What TensorFlow says of the processor, before any flag is read.
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
  try:
    # What is missing is found here, in one line, and not by a traceback.
    __import__(_PACKAGE)
  except ImportError as error:
    # Python names the module that it did not find; the package's own check
    # says in its message what to do.
    if error.name is not None:
      raise
    _fail(str(error))
  module = f'{_PACKAGE}.{command.module}'
  sys.argv = [module, *rest]
  runpy.run_module(module, run_name='__main__', alter_sys=True)


def guarded_main() -> None:
  """Does what the command line says; Ctrl-C while modules load is one line."""
  try:
    main()
  except KeyboardInterrupt:
    print('stopped by Ctrl-C; nothing was begun', file=sys.stderr)
    sys.exit(_INTERRUPTED)


def _print(text: str) -> None:
  """Prints; ends quietly if nobody reads it any more, as in `odp | head`."""
  try:
    print(text, flush=True)
  except BrokenPipeError:
    # What is left to print must not fail once more at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(_UNREAD)


def _by_name() -> Dict[str, Command]:
  return {each.name: each for group in COMMANDS.values() for each in group}


def _unknown(name: str) -> str:
  """Says that there is no such command, and which ones have a near name."""
  if name.startswith('-'):
    return f'there is no command {name!r}; the command comes before its flags'
  names = list(_by_name())
  near = difflib.get_close_matches(name, names, 3, 0.5)
  near = near or [each for each in names if name in each.split('_')]
  tip = 'did you mean ' + ' or '.join(near) + '?' if near else 'odp lists them'
  return f'there is no command {name!r}; {tip}'


def _fail(message: str) -> None:
  print(f'error: {message}', file=sys.stderr)
  sys.exit(_BAD_INPUT)


if __name__ == '__main__':
  guarded_main()
