"""What can be checked of the Dockerfiles where there is no Docker."""

import glob
import os
import re

import processes
import pytest

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
  modules = re.findall(
    r'object_detection_pruning\.([\w.]+)', ' '.join(instructions)
  )
  for script in scripts:
    assert os.path.exists(os.path.join(processes.ROOT, script))
  for module in modules:
    place = os.path.join('object_detection_pruning', *module.split('.'))
    assert os.path.exists(os.path.join(processes.ROOT, place + '.py'))
  assert scripts or modules


@pytest.mark.parametrize('path', FILES, ids=os.path.basename)
def test_comment_says_how_to_build_and_run_this_file(path):
  comments = ' '.join(line[1:] for line in lines(path) if line[:1] == '#')
  name = os.path.basename(path)
  if name == 'Dockerfile':
    assert re.search(r'docker build -t \S+ \.', comments)
  else:
    assert f'docker build -f {name} ' in comments
  assert 'docker run --rm' in comments


@pytest.mark.parametrize('path', FILES, ids=os.path.basename)
def test_python_of_the_image_is_one_that_the_stack_takes(path):
  (image,) = [line.split()[1] for line in lines(path) if line[:5] == 'FROM ']
  version = re.fullmatch(r'python:3\.(\d+)-slim-\w+', image).group(1)
  kind = '' if 'classic' in path else 'modern-'
  lock = f'requirements-{kind}py3{version}.lock'
  assert os.path.exists(os.path.join(processes.ROOT, lock))
