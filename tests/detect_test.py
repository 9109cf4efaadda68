import json
import subprocess
import sys

import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

LABEL_MAP = """
item { id: 1 name: "/m/1" display_name: "cat" }
item { id: 2 name: "dog" }
"""


@pytest.fixture
def folder(tmp_path):
  """A folder with a graph, a label map, a good and a broken image."""
  with tf.Graph().as_default() as graph:
    tf.placeholder(tf.uint8, [None, None, None, 3], 'image_tensor')
    for name, value in {
      'num_detections': [3],
      'detection_boxes': [[[0, 0, 0.5, 1], [0, 0, 1, 1], [0, 0, 1, 0.5]]],
      'detection_scores': [[0.9, 0.6, 0.4]],
      'detection_classes': [[1, 2, 3]],
    }.items():
      tf.constant(value, tf.float32, name=name)
  (tmp_path / 'graph.pb').write_bytes(graph.as_graph_def().SerializeToString())
  (tmp_path / 'labels.pbtxt').write_text(LABEL_MAP)
  (tmp_path / 'images').mkdir()
  Image.new('RGB', (40, 20)).save(str(tmp_path / 'images/good.png'))
  (tmp_path / 'images/broken.jpg').write_bytes(b'\xff\xd8 cut')
  return tmp_path


def detect(folder, *flags):
  """Runs the command with its output in `folder`/out.

  Returns:
    (exit status, stdout, the lines of stderr that are not TensorFlow's).
  """
  result = subprocess.run(
    [sys.executable, '-m', 'object_detection_pruning.detect']
    + [f'--output_dir={folder}/out']
    + list(flags),
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
  )
  lines = result.stderr.decode().splitlines()
  ours = [line for line in lines if line.startswith(('error:', str(folder)))]
  return result.returncode, result.stdout.decode(), ours


def test_detects_in_a_folder_and_names_classes(folder):
  status, shown, told = detect(
    folder,
    f'--graph={folder}/graph.pb',
    f'--images={folder}/images',
    f'--label_map_path={folder}/labels.pbtxt',
  )
  assert status == 0
  assert shown.startswith('2 detections in 1 images')
  assert '1 images could not be read' in shown
  (line,) = told
  assert line.startswith(f'{folder}/images/broken.jpg cannot be read')
  (record,) = json.loads((folder / 'out/detections.json').read_text())
  assert [
    (found['class_name'], found['box']) for found in record['detections']
  ] == [('cat', [0, 0, 10, 40]), ('dog', [0, 0, 20, 40])]
  assert (folder / 'out/good.jpg').exists()


def test_limits_are_flags_and_classes_have_numbers_without_a_map(folder):
  status, _, _ = detect(
    folder,
    f'--graph={folder}/graph.pb',
    f'--images={folder}/images/good.png,{folder}/images/*.png',
    '--min_score=0.3',
    '--max_detections=1',
  )
  assert status == 0
  (record,) = json.loads((folder / 'out/detections.json').read_text())
  (found,) = record['detections']
  assert found['class_name'] == 'class 1'


@pytest.mark.parametrize(
  ('flag', 'message'),
  [
    ('--graph=none.pb', 'error: no such model: none.pb'),
    ('--images=nowhere', 'error: no such image, folder or pattern: nowhere'),
    ('--label_map_path=no', 'error: label map no does not exist'),
    ('--min_score=1.5', 'error: min_score must be in [0, 1], got 1.5'),
  ],
)
def test_bad_input_ends_in_one_line_and_leaves_nothing(folder, flag, message):
  status, shown, told = detect(
    folder, f'--graph={folder}/graph.pb', f'--images={folder}/images', flag
  )
  assert (status, shown, told) == (2, '', [message])
  assert not (folder / 'out').exists()
