"""`VENV` names the environment of every script that runs a Python."""

import os
import shutil
import subprocess

import processes
import pytest


@pytest.mark.parametrize(
  'script, arguments',
  [
    ('quickstart.sh', []),
    ('export.sh', ['model', 'exported']),
    ('prune_filters.sh', ['a.config', 'model', 'out', '5']),
    ('apply_patches.sh', ['--check']),
    # Any file that is there.
    (
      'train_cluster.sh',
      ['model', '1', '1', '--config=a tree/scripts/environment.sh'],
    ),
  ],
)
@pytest.mark.parametrize('is_absolute', [False, True])
def test_script_runs_the_python_of_the_environment(
  script, arguments, is_absolute, tmp_path
):
  tree = tmp_path / 'a tree'
  (tree / 'scripts').mkdir(parents=True)
  (tree / 'patches').mkdir()
  for name in (script, 'environment.sh'):
    source = os.path.join(processes.ROOT, 'scripts', name)
    shutil.copy(source, str(tree / 'scripts'))
  (tree / 'scripts/setup.sh').write_text('')
  python = tree / 'other/bin/python'
  python.parent.mkdir(parents=True)
  python.write_text('#!/bin/sh\necho asked >"$0.asked"\nexit 7\n')
  python.chmod(0o755)
  subprocess.run(
    ['bash', str(tree / 'scripts' / script), *arguments],
    env=dict(os.environ, VENV=str(tree / 'other') if is_absolute else 'other'),
    cwd=str(tmp_path),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
  )
  assert (tree / 'other/bin/python.asked').exists()
