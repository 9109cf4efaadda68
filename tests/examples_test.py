"""The C++ program in `examples` finds what Python finds."""

import os
import re
import shutil
import subprocess

import detectors
import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

from object_detection_pruning.dataset_tools import shapes
from object_detection_pruning.export import exporter
from object_detection_pruning.inference import frozen_graph
from object_detection_pruning.sparse_ops import exporting, library

SOURCE = os.path.join(processes.ROOT, 'examples/detect.cc')
LIBRARY = 'libtensorflow_cc.so.2'
LINE = re.compile(r'class (\d+) score (\S+) ymin (\S+) xmin (\S+) ymax (\S+)')


@pytest.fixture(scope='module')
def program(tmp_path_factory):
  """The program, built against the C library of the installed wheel."""
  folder = tf.sysconfig.get_lib()
  if not os.path.exists(os.path.join(folder, LIBRARY)):
    pytest.skip(f'the wheel of TensorFlow {tf.__version__} has no {LIBRARY}')
  if not shutil.which('g++'):
    pytest.skip('there is no g++')
  path = str(tmp_path_factory.mktemp('example') / 'detect')
  subprocess.run(
    [
      *('g++', '-std=c++17', '-O1', '-Wall', '-Werror', SOURCE, '-o', path),
      *('-isystem', tf.sysconfig.get_include(), f'-L{folder}'),
      *(f'-l:{LIBRARY}', '-l:libtensorflow_framework.so.2'),
      f'-Wl,-rpath,{folder}',
    ],
    check=True,
  )
  return path


def run(program, *arguments):
  return subprocess.run(
    [program, *map(str, arguments)],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    encoding='utf-8',
    env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL='3'),
  )


@pytest.mark.parametrize(
  'name', [exporter.FROZEN_GRAPH, exporting.SPARSE_GRAPH]
)
def test_program_prints_what_python_finds(program, exported, tmp_path, name):
  image = shapes.generate(3, 0, detectors.IMAGE_SIZE).image
  Image.fromarray(image).save(str(tmp_path / 'image.ppm'))
  graph = os.path.join(exported, name)
  libraries = [library.build()] if name == exporting.SPARSE_GRAPH else []
  result = run(program, graph, tmp_path / 'image.ppm', *libraries)
  assert result.returncode == 0, result.stderr
  lines = [LINE.match(line) for line in result.stdout.splitlines()]
  found = frozen_graph.load(graph).detect(image)
  assert len(lines) == len(found.scores) > 5
  np.testing.assert_allclose(
    [float(line.group(2)) for line in lines], found.scores, atol=1e-5
  )
  best = lines[0]
  assert int(best.group(1)) == found.class_ids[0]
  np.testing.assert_allclose(
    [float(best.group(i)) * detectors.IMAGE_SIZE for i in (3, 4, 5)],
    found.boxes[0][:3],
    atol=0.01,
  )


def test_bad_input_gives_one_line(program, tmp_path):
  picture = tmp_path / 'image.ppm'
  picture.write_bytes(b'P6\n2 2\n255\n' + bytes(12))
  cut = tmp_path / 'cut.ppm'
  cut.write_bytes(b'P6\n2 2\n255\n' + bytes(11))
  text = tmp_path / 'graph.pb'
  text.write_text('no graph')
  for arguments, line in (
    ([], 'usage: detect GRAPH IMAGE [SPARSE_OPS]'),
    ([text, tmp_path / 'none.ppm'], 'none.ppm is no binary PPM of 8 bits'),
    ([text, cut], 'cut.ppm is cut short'),
    ([tmp_path / 'none.pb', picture], 'no file at '),
    ([text, picture], 'graph.pb: '),
    ([text, picture, text], 'graph.pb: '),
  ):
    result = run(program, *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith('error: ')
    assert result.stderr.count('\n') == 1
    assert line in result.stderr
