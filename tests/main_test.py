import ast
import os
import subprocess
import sys

import processes
import pytest

from object_detection_pruning import __main__ as front_door

PACKAGE = os.path.dirname(os.path.abspath(front_door.__file__))
COMMANDS = [each for group in front_door.COMMANDS.values() for each in group]


def odp(*arguments):
  """Runs the console script's own code in a process of its own."""
  return processes.python(
    '-c', 'import odp_launcher; odp_launcher.main()', *arguments
  )


def module_of(path):
  return os.path.relpath(path, PACKAGE)[: -len('.py')].replace(os.sep, '.')


def calls_command_run(tree):
  return any(
    isinstance(node, ast.Call)
    and isinstance(node.func, ast.Attribute)
    and node.func.attr == 'run'
    and isinstance(node.func.value, ast.Name)
    and node.func.value.id == 'command'
    for node in ast.walk(tree)
  )


@pytest.fixture(scope='module')
def docstrings():
  """The docstring of each module of the package that runs as a command."""
  found = {}
  for folder, _, names in os.walk(PACKAGE):
    for name in names:
      if name.endswith('.py'):
        path = os.path.join(folder, name)
        with open(path, encoding='utf-8') as source:
          tree = ast.parse(source.read())
        if calls_command_run(tree):
          found[module_of(path)] = ast.get_docstring(tree) or ''
  return found


def test_every_command_is_listed_and_nothing_else_is(docstrings):
  assert len(docstrings) >= 18
  assert sorted(docstrings) == sorted(each.module for each in COMMANDS)


def test_a_command_describes_itself_as_the_list_does(docstrings):
  for command in COMMANDS:
    assert docstrings[command.module].splitlines()[0] == command.summary


def test_the_help_of_each_command_has_an_example_of_it(docstrings):
  for command in COMMANDS:
    _, _, example = docstrings[command.module].partition('\nExample:\n')
    assert example.startswith(f'  odp {command.name}'), command.name


def test_the_list_is_grouped_and_fits_a_terminal():
  lines = front_door.listing().splitlines()
  assert max(map(len, lines)) <= 80
  for title, commands in front_door.COMMANDS.items():
    start = lines.index(f'{title}:') + 1
    block = lines[start : start + len(commands)]
    assert [line.split(None, 1) for line in block] == [
      [command.name, command.summary] for command in commands
    ]


@pytest.mark.parametrize('arguments', [(), ('--help',), ('-h',), ('help',)])
def test_the_list_comes_without_tensorflow(arguments):
  code = (
    'import sys, odp_launcher; odp_launcher.main(); '
    'print("tensorflow" in sys.modules)'
  )
  result = processes.python('-c', code, *arguments)
  assert result.returncode == 0, result.stderr
  assert result.stdout == f'{front_door.listing()}\nFalse\n'


@pytest.mark.parametrize(
  ('name', 'tip'),
  [
    ('detct', 'did you mean detect?'),
    ('export_graph', 'did you mean export_sparse_graph'),
    ('shapes', 'did you mean create_shapes_tf_record?'),
    ('xyzzy', 'odp lists them'),
    ('--sparsity=0.5', 'the command comes before its flags'),
  ],
)
def test_an_unknown_command_is_one_line_with_the_nearest_names(name, tip):
  result = odp(name)
  assert result.returncode == 2
  assert result.stdout == ''
  (line,) = result.stderr.splitlines()
  assert line.startswith(f'error: there is no command {name!r}; {tip}')


@pytest.mark.parametrize(
  'arguments', [('help', 'detect'), ('detect', '--help')]
)
def test_help_of_a_command_shows_its_example_and_flags(arguments):
  result = odp(*arguments)
  assert result.returncode == 0, result.stderr
  assert 'Example:\n  odp detect --model=' in result.stdout
  assert '\n  --images (needed)\n' in result.stdout
  assert '\n  --min_score (default: 0.5)\n' in result.stdout
  assert max(map(len, result.stdout.splitlines())) <= 80


def test_runs_a_command_with_its_flags(tmp_path):
  result = odp(
    'create_shapes_tf_record',
    f'--output_dir={tmp_path}',
    '--num_train=2',
    '--num_val=1',
    '--image_size=64',
  )
  assert result.returncode == 0, result.stderr
  assert (tmp_path / 'label_map.pbtxt').exists()
  assert '2 images in' in result.stdout


def test_passes_on_the_exit_status_of_bad_input(tmp_path):
  result = odp('inspect_model', f'--model={tmp_path}/none')
  assert result.returncode == 2
  assert result.stderr.startswith('error: no such model: ')


def test_python_m_does_the_same():
  shown = subprocess.check_output(
    [sys.executable, '-m', 'object_detection_pruning'],
    env=processes.environment(),
    universal_newlines=True,
  )
  assert shown == front_door.listing() + '\n'
  result = processes.python('-m', 'object_detection_pruning', 'help', 'detect')
  assert 'Example:\n  odp detect' in result.stdout


def test_a_missing_library_is_one_line(tmp_path):
  """A TensorFlow of another version, which the package's own check refuses."""
  module = tmp_path / 'tensorflow/compat/v1'
  module.mkdir(parents=True)
  for folder in (module, module.parent, module.parent.parent):
    (folder / '__init__.py').write_text('__version__ = "0.9"\n')
  code = (
    f'import sys; sys.path.insert(0, {str(tmp_path)!r}); '
    'import odp_launcher; odp_launcher.main()'
  )
  result = processes.python('-c', code, 'detect')
  assert result.returncode == 2
  (line,) = result.stderr.splitlines()
  assert line.startswith('error: TensorFlow must be ')


_LAUNCHER = ['-c', 'import odp_launcher; odp_launcher.main()']
_RECORDS = [
  *_LAUNCHER,
  'create_shapes_tf_record',
  '--num_train=2',
  '--num_val=1',
  '--output_dir=.',
]


@pytest.mark.parametrize(
  'buffering', [[], ['-u']], ids=['buffered', 'unbuffered']
)
@pytest.mark.parametrize(
  'arguments',
  [
    _LAUNCHER,
    [*_LAUNCHER, 'help', 'detect'],
    ['-m', 'object_detection_pruning.detect', '--help'],
    _RECORDS,
  ],
  ids=['list', 'help', 'module', 'command'],
)
def test_output_that_nobody_reads_is_no_error(arguments, buffering, tmp_path):
  reader, writer = os.pipe()
  os.close(reader)
  process = subprocess.run(
    [sys.executable, *buffering, *arguments],
    env=processes.environment(),
    cwd=str(tmp_path),
    stdout=writer,
    stderr=subprocess.PIPE,
  )
  os.close(writer)
  assert process.returncode == 141
  # Progress may be there.
  assert b'rror' not in process.stderr


def test_another_pipe_that_breaks_is_a_defect():
  code = """
from object_detection_pruning.common import command
def main(_):
  raise BrokenPipeError(32, 'to a process of this command')
command.run(main)
"""
  process = subprocess.run(
    [sys.executable, '-c', code],
    env=processes.environment(),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
  )
  assert process.returncode == 1
  assert b'to a process of this command' in process.stderr
