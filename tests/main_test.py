import os
import subprocess
import sys

import pytest

from object_detection_pruning import __main__ as lister

ROOT = os.path.dirname(os.path.abspath(lister.__file__))

COMMAND = '''"""{description}

More about it.
"""
raise RuntimeError('imported')
if __name__ == '__main__':
  command.run(main)
'''


def test_lists_modules_that_call_command_run_without_importing_them(tmp_path):
  (tmp_path / 'dataset_tools').mkdir()
  (tmp_path / 'core').mkdir()
  (tmp_path / 'train.py').write_text(COMMAND.format(description='Trains.'))
  (tmp_path / 'dataset_tools/make.py').write_text(
    COMMAND.format(description='Makes records.')
  )
  (tmp_path / 'library.py').write_text('"""No command."""\nother.run(main)\n')
  (tmp_path / 'command.py').write_text('"""Runs."""\ndef run(main): main()\n')
  (tmp_path / 'core/deep.py').write_text(COMMAND.format(description='Deep.'))
  assert list(lister.find_commands(str(tmp_path))) == [
    ('object_detection_pruning.train', 'Trains.'),
    ('object_detection_pruning.dataset_tools.make', 'Makes records.'),
  ]


def test_every_command_describes_itself():
  commands = dict(lister.find_commands(ROOT))
  assert 'object_detection_pruning.detect' in commands
  for module, description in commands.items():
    assert description.endswith('.'), module
    assert len(description) <= 80, module


def test_prints_a_line_for_each_command():
  shown = subprocess.check_output(
    [sys.executable, '-m', 'object_detection_pruning'], stderr=subprocess.STDOUT
  ).decode()
  for module, description in lister.find_commands(ROOT):
    assert any(
      line.split(None, 1) == [module, description]
      for line in shown.splitlines()
    )


def test_a_command_name_as_argument_fails_with_one_line(monkeypatch, capsys):
  monkeypatch.setattr(sys, 'argv', ['__main__.py', 'detect'])
  with pytest.raises(SystemExit) as stop:
    lister.main()
  assert stop.value.code == 1
  error = capsys.readouterr().err
  assert error.startswith('error: unexpected argument: detect')
