"""A disk that is full ends a command in one line, and nothing is left over."""

import os
import subprocess

import processes
import pytest
from PIL import Image

TRAINING = """
import sys
from object_detection_pruning import ModelPruningHook
from object_detection_pruning.common import checkpoints, command
import tiny_model

FOLDER = sys.argv.pop()

def main(_):
  with checkpoints.tidied(FOLDER):
    tiny_model.train(FOLDER, 18, [ModelPruningHook(**tiny_model.WINDOW)])

command.run(main, goes_on=True)
"""
ANNOTATION = (
  '<annotation><object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin>'
  '<xmax>60</xmax><ymax>50</ymax></bndbox></object></annotation>'
)


@pytest.fixture
def disk(tmp_path):
  """Makes a file system of a few pages; tests that need it take root."""
  folder = tmp_path / 'disk'
  folder.mkdir()

  def make(size):
    mount = ['mount', '-t', 'tmpfs', '-o', f'size={size}', 'tmpfs', str(folder)]
    if subprocess.call(mount, stderr=subprocess.DEVNULL):
      pytest.skip('no file system can be mounted here')
    return folder

  yield make
  if os.path.ismount(str(folder)):
    subprocess.check_call(['umount', str(folder)])


def files(folder):
  return sorted(
    name
    for _, _, names in os.walk(str(folder))
    for name in names
    if 'events.out' not in name
  )


def assert_full(result):
  assert result.returncode == 2, result.stderr
  assert 'Traceback' not in result.stderr
  last = result.stderr.splitlines()[-1]
  assert last.startswith('error: ') and 'the disk is full' in last, last


def test_training(disk, tmp_path):
  program = tmp_path / 'program.py'
  program.write_text(TRAINING)
  folder = disk(192 * 1024) / 'model'
  (tmp_path / 'filler').write_bytes(b'')
  result = processes.python(program, folder)
  assert_full(result)
  # What is there is whole: each checkpoint has its index.
  whole = {
    name.rpartition('.')[0] for name in files(folder) if name.endswith('.index')
  }
  for name in files(folder):
    assert 'tmp' not in name and 'temp' not in name, name
    if name.startswith('model.ckpt-'):
      assert (
        name.split('.data')[0].replace('.meta', '').replace('.index', '')
        in whole
      ), name


def test_records(disk, tmp_path):
  voc = tmp_path / 'voc'
  for name in ('Annotations', 'JPEGImages'):
    (voc / name).mkdir(parents=True)
  for number in range(4):
    noise = Image.effect_noise((80, 60), 100).convert('RGB')
    noise.save(str(voc / f'JPEGImages/{number}.png'))
    (voc / f'Annotations/{number}.xml').write_text(ANNOTATION)
  folder = disk(16 * 1024)
  (result,) = processes.command(
    'object_detection_pruning.dataset_tools.create_voc_tf_record',
    [[f'--data_dir={voc}', f'--output_path={folder}/out/train.record']],
  )
  assert_full(result)
  assert os.listdir(str(folder)) == []
