"""What `docs/elsewhere.md` says of other runtimes, as far as that is checked
without them."""

import importlib.util
import json
import os
import re
import subprocess
import sys

import detectors
import numpy as np
import processes
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

from object_detection_pruning.dataset_tools import shapes
from object_detection_pruning.inference import frozen_graph
from object_detection_pruning.sparse_ops import exporting, library

PROGRAM = os.path.join(processes.ROOT, 'examples/detect_elsewhere.py')
BENCHMARKS = os.path.join(processes.ROOT, 'benchmarks')


def module(path):
  name = os.path.splitext(os.path.basename(path))[0]
  spec = importlib.util.spec_from_file_location(name, path)
  found = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(found)
  return found


@pytest.fixture(scope='module')
def page():
  path = os.path.join(processes.ROOT, 'docs/elsewhere.md')
  with open(path, encoding='utf-8') as file:
    return file.read()


@pytest.fixture(scope='module')
def program():
  return module(PROGRAM)


@pytest.fixture(scope='module')
def photo(tmp_path_factory):
  path = str(tmp_path_factory.mktemp('photo') / 'photo.png')
  pixels = shapes.generate(3, 0, detectors.IMAGE_SIZE).image
  Image.fromarray(pixels).save(path)
  return path


def run(*arguments):
  return subprocess.run(
    [sys.executable, '-W', 'ignore', PROGRAM, *arguments],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    encoding='utf-8',
    env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL='3'),
  )


def test_program_prints_what_the_library_finds(program, exported, photo):
  graph = os.path.join(exported, 'frozen_inference_graph.pb')
  answer = run(graph, photo)
  assert answer.returncode == 0, answer.stderr
  lines = [program._NUMBER.findall(line) for line in answer.stdout.splitlines()]
  expected = frozen_graph.load(graph).detect(np.asarray(Image.open(photo)))
  assert len(lines) == len(expected.scores) > 5
  rows = np.array(lines, float)
  np.testing.assert_array_equal(rows[:, 0], expected.class_ids)
  np.testing.assert_allclose(rows[:, 1], expected.scores, atol=1e-5)


def test_sparse_saved_model_serves_what_the_frozen_graph_finds(
  exported, photo, tmp_path
):
  if tf.__version__.startswith('1.'):
    pytest.skip('TensorFlow 1 has no tf.saved_model.load of signatures')
  graph = os.path.join(exported, 'frozen_inference_graph.pb')
  lines = tmp_path / 'expected.txt'
  lines.write_text(run(graph, photo).stdout)
  saved = os.path.join(exported, 'sparse_saved_model')
  options = [f'--library={library.build()}', f'--compare={lines}']
  answer = run(saved, photo, *options)
  assert answer.returncode == 0, answer.stderr
  found = re.match(r'(\d+) of (\d+) detections found', answer.stdout)
  assert found.group(1) == found.group(2) != '0'
  assert run(saved, photo).returncode != 0  # The ops are missing.


def test_images_are_resized_as_tensorflow_1_does(program):
  images = np.random.RandomState(0).randint(0, 256, (1, 48, 64, 3))
  images = images.astype(np.uint8)
  for size in ((30, 30), (48, 40), (100, 64)):
    with tf.Graph().as_default(), tf.Session() as session:
      image = tf.constant(images, tf.float32)
      expected = session.run(tf.image.resize_bilinear(image, size))
    found = program._resized(images, *size)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_missing_or_moved_detection_is_no_match(program):
  # Class, score, box.
  expected = np.array(
    [
      [1, 0.9, 0.1, 0.1, 0.2, 0.2],
      [2, 0.8, 0.5, 0.5, 0.9, 0.9],
      [1, 0.05, 0.0, 0.0, 0.1, 0.1],  # Not sure enough to count.
    ]
  )
  moved = expected[:2] + [0, 0, 0.001, 0, 0, 0]
  same = program.summary(program.differences(moved, expected))
  assert same == '2 of 2 detections found, boxes and scores within 1.0e-03'
  other_class = program.differences(moved[:1], expected)
  assert program.summary(other_class).startswith('1 of 2 ')
  far = program.differences(expected + [0, 0, 0.1, 0, 0, 0], expected)
  assert program.summary(far) == '0 of 2 detections found'


def test_flags_of_the_program_are_those_that_the_page_shows(page):
  joined = re.sub(r'\\\n\s*', '', page)
  shown = set()
  for line in re.findall(r'examples/detect_elsewhere\.py (.*)', joined):
    shown |= set(re.findall(r'(--\w+)', line))
  assert shown == {'--compare', '--library'}
  usage = run('--help').stdout
  assert all(flag in usage for flag in shown)


def test_page_and_benchmark_pin_the_same_versions(page, monkeypatch):
  monkeypatch.syspath_prepend(os.path.join(BENCHMARKS, 'sparse_ops'))
  graphs = module(os.path.join(BENCHMARKS, 'sparse_ops/peer_graphs.py'))
  shown = set(re.findall(r'[\w-]+==[\d.]+', page))
  pinned = {
    package
    for name, packages in graphs.ENVIRONMENTS.items()
    if name != 'mnn'  # It is measured alone.
    for package in packages
  }
  assert shown == pinned


@pytest.mark.parametrize(
  'names',
  [
    ('avx512_latency', 'avx512_latency_two_threads'),
    ('avx512', 'avx512_two_threads'),
    ('avx2',),
  ],
)
def test_page_shows_the_table_of_the_measured_results(page, monkeypatch, names):
  monkeypatch.syspath_prepend(os.path.join(BENCHMARKS, 'sparse_ops'))
  peers = module(os.path.join(BENCHMARKS, 'sparse_ops/peers.py'))
  columns = {}
  for part in ('whole', 'cut'):
    for name, threads in zip(names, ('one thread', 'two threads')):
      with open(os.path.join(BENCHMARKS, f'results/peers_{name}.json')) as file:
        results = json.load(file)
      title = f'{part}, {threads}' if len(names) > 1 else part
      columns[title] = results[part]
      assert results['processor'].split(',')[0] in page
  assert peers.table(columns) in page


def test_server_is_told_of_the_files_that_there_are(page):
  folder = os.path.join(
    processes.ROOT, 'object_detection_pruning/sparse_ops/cc'
  )
  kernels = {n for n in os.listdir(folder) if re.match(r'kernels_.*\.cc', n)}
  assert len(kernels) == 3 and 'The three `kernels_*.cc`' in page
  flags = dict(library.sources('x86_64'))
  assert kernels <= set(flags)
  assert '-DSPARSE_OPS_AVX' in flags['isa.cc'] and '-DSPARSE_OPS_AVX' in page
  assert exporting.SPARSE_GRAPH == 'sparse_inference_graph.pb'
