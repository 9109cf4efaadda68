"""What can be checked of the Dockerfiles where there is no Docker."""

import fnmatch
import glob
import json
import os
import re

import processes
import pytest

from object_detection_pruning import __main__ as front_door

FILES = sorted(glob.glob(os.path.join(processes.ROOT, 'Dockerfile*')))

pytestmark = pytest.mark.skipif(not FILES, reason='no source tree')


def lines(path):
  with open(path) as file:
    return file.read().replace('\\\n', ' ').splitlines()


@pytest.mark.parametrize('path', FILES, ids=os.path.basename)
def test_what_is_copied_and_run_is_there(path):
  instructions = [line for line in lines(path) if not line.startswith('#')]
  copied = [line.split()[1] for line in instructions if line[:5] == 'COPY ']
  assert copied
  for source in copied:
    assert os.path.exists(os.path.join(processes.ROOT, source))
  scripts = re.findall(r'scripts/\w+\.sh', ' '.join(instructions))
  for script in scripts:
    assert os.path.exists(os.path.join(processes.ROOT, script))
  commands = re.findall(r'odp",? "?(\w+)', ' '.join(instructions))
  known = {
    each.name for group in front_door.COMMANDS.values() for each in group
  }
  assert set(commands) <= known
  assert scripts or commands


def read(*names):
  with open(os.path.join(processes.ROOT, *names)) as file:
    return file.read()


def ignored(name):
  """Whether a file or folder is left out of what Docker copies."""
  patterns = [line.replace('**/', '') for line in read('.dockerignore').split()]
  return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def test_nothing_that_an_image_needs_is_left_out():
  if not os.path.exists(os.path.join(processes.ROOT, '.dockerignore')):
    pytest.skip('the source distribution has no .dockerignore')
  needed = os.listdir(processes.ROOT)
  assert ignored('.venv') and ignored('__pycache__')
  for kind in ('*.py', '*.lock', 'README.md'):
    names = fnmatch.filter(needed, kind)
    assert names and not any(map(ignored, names))
  for folder in ('configs', 'hooks', 'nets', 'object_detection_pruning'):
    assert folder in needed and not ignored(folder)


@pytest.mark.parametrize('path', FILES, ids=os.path.basename)
def test_page_and_comment_say_alike_how_to_build_and_run(path):
  name = os.path.basename(path)
  comments = ' '.join(line[1:] for line in lines(path) if line[:1] == '#')
  said = ' '.join(comments.split())
  suffix = name[len('Dockerfile') :].replace('.', ':')
  chosen = '' if name == 'Dockerfile' else f'-f {name} '
  gpus = '--gpus all ' if suffix == ':gpu' else ''
  page = read('docs', 'stacks.md').splitlines()
  for command in (
    f'docker build {chosen}-t object-detection-pruning{suffix} .',
    f'docker run --rm {gpus}-v "$PWD/output:/output" '
    f'object-detection-pruning{suffix}',
  ):
    assert command in said
    assert command in page


@pytest.mark.parametrize('path', FILES, ids=os.path.basename)
def test_commands_are_those_of_the_pages(path):
  pages = read('README.md') + ''.join(
    read('docs', name)
    for name in os.listdir(os.path.join(processes.ROOT, 'docs'))
    if name.endswith('.md')
  )
  said = ' '.join(pages.replace('`', ' ').split())
  steps = [
    step.strip().replace(' --no-cache-dir', '')
    for line in lines(path)
    if line.startswith('RUN ')
    for step in line[len('RUN ') :].split('&&')
  ]
  ours = [step for step in steps if not re.match('apt-get|rm -rf /var', step)]
  assert ours
  for step in ours:
    assert step in said
  (start,) = [line[len('CMD ') :] for line in lines(path) if line[:4] == 'CMD ']
  words = json.loads(start)
  assert words[-1].endswith('/output')
  assert words[:2] in (
    ['bash', 'scripts/quickstart.sh'],
    ['odp', 'quickstart'],
  )


@pytest.mark.parametrize('path', FILES, ids=os.path.basename)
def test_python_of_the_image_is_one_that_the_stack_takes(path):
  (image,) = [line.split()[1] for line in lines(path) if line[:5] == 'FROM ']
  version = re.fullmatch(r'python:3\.(\d+)-slim-\w+', image).group(1)
  kind = '' if 'classic' in path else 'modern-'
  lock = f'requirements-{kind}py3{version}.lock'
  assert os.path.exists(os.path.join(processes.ROOT, lock))
