"""The patches, on copies of the installed packages that are then run."""

import importlib.util
import os
import shutil
import subprocess

import detectors
import numpy as np
import object_detection
import processes
import pytest
import tensorflow.compat.v1 as tf
from nets.mobilenet_v1 import slim

from object_detection_pruning.core import masking

strip_pruning_vars_lib = pytest.importorskip(
  'tensorflow.contrib.model_pruning.python.strip_pruning_vars_lib',
  reason='the patches are for tf.contrib and for stock sources of its time',
)
SCRIPT = os.path.join(processes.ROOT, 'scripts/apply_patches.sh')
BUILDER = 'object_detection/builders/model_builder.py'
STRIP = 'tensorflow/contrib/model_pruning/python/strip_pruning_vars_lib.py'

pytestmark = [
  pytest.mark.skipif(not os.path.isfile(SCRIPT), reason='no source tree'),
  pytest.mark.skipif(not shutil.which('patch'), reason='no program patch'),
]


def apply_patches(*arguments):
  return subprocess.run(
    ['bash', SCRIPT] + [str(argument) for argument in arguments],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    encoding='utf-8',
  )


def states(result):
  return sorted(line.split(':')[0] for line in result.stdout.splitlines())


@pytest.fixture
def tree(tmp_path):
  """A source tree with the two files."""
  for path, source in (
    (BUILDER, os.path.dirname(object_detection.__file__) + BUILDER[16:]),
    (STRIP, strip_pruning_vars_lib.__file__),
  ):
    target = tmp_path / path
    target.parent.mkdir(parents=True)
    shutil.copy(source, str(target))
  return tmp_path


def content(tree):
  return [(tree / path).read_text() for path in (BUILDER, STRIP)]


def test_patches_go_in_once_and_come_out_without_a_trace(tree):
  before = content(tree)
  check = apply_patches('--check', tree)
  assert (check.returncode, states(check)) == (1, ['not applied'] * 2)
  assert content(tree) == before
  assert states(apply_patches(tree)) == ['applied now'] * 2
  patched = content(tree)
  assert all(new != old for new, old in zip(patched, before))
  check = apply_patches('--check', tree)
  assert (check.returncode, states(check)) == (0, ['applied'] * 2)
  again = apply_patches(tree)
  assert (again.returncode, states(again)) == (0, ['applied'] * 2)
  assert content(tree) == patched
  assert states(apply_patches('--revert', tree)) == ['reverted'] * 2
  assert content(tree) == before
  files = [name for _, _, names in os.walk(str(tree)) for name in names]
  assert len(files) == 2


def test_patches_only_add_lines(tree):
  before = content(tree)
  apply_patches(tree)
  for old, new in zip(before, content(tree)):
    lines = iter(new.splitlines())
    assert all(line in lines for line in old.splitlines())
    assert len(new.splitlines()) - len(old.splitlines()) <= 9


def test_patches_fit_where_the_lines_before_them_differ(tree):
  path = tree / BUILDER
  path.write_text('# Of another version.\n' * 30 + path.read_text())
  assert apply_patches(tree).returncode == 0
  text = path.read_text()
  assert text.index('import object_detection_pruning') < text.index(
    'def build('
  )


def test_layout_of_tensorflow_1_15_is_found(tree):
  (tree / 'tensorflow').rename(tree / 'tensorflow_core')
  assert states(apply_patches(tree)) == ['applied now'] * 2


def test_what_does_not_fit_stops_before_anything_is_changed(tree):
  path = tree / BUILDER
  path.write_text(path.read_text().replace('def build(', 'def make('))
  before = content(tree)
  result = apply_patches(tree)
  assert result.returncode == 1
  assert result.stderr == (
    f'error: object_detection.patch does not fit {tree}/{BUILDER}\n'
  )
  assert content(tree) == before


@pytest.mark.parametrize(
  'name, words',
  [('', 'nothing to patch in'), ('missing', 'no such folder: ')],
)
def test_folder_without_the_packages_is_refused(tmp_path, name, words):
  result = apply_patches(tmp_path / name)
  assert result.returncode == 1
  assert result.stderr.startswith(f'error: {words}')
  assert len(result.stderr.splitlines()) == 1


def load_patched_contrib(tree):
  apply_patches(tree)
  spec = importlib.util.spec_from_file_location('patched', str(tree / STRIP))
  patched = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(patched)
  return patched


def test_patched_contrib_strips_a_graph_that_needs_feeds(tree):
  patched = load_patched_contrib(tree)
  encoded = tf.placeholder(tf.string, [], 'encoded')
  image = tf.cast(tf.io.decode_png(encoded, 3), tf.float32)[tf.newaxis]
  image.set_shape([1, 8, 8, 3])
  with masking.masking_scope():
    # A name as contrib gives it, on something that needs a feed.
    image = tf.identity(image, 'masked_weight_of_nothing')
    for reuse in (False, True):
      with tf.variable_scope('net', reuse=reuse):
        net = slim.conv2d(image, 9, 3, scope='conv')
      tf.identity(net, f'output_{int(reuse)}')
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    (kernel,) = masking.masked_kernels()
    mask = np.random.RandomState(0).uniform(size=[3, 3, 3, 9]) > 0.5
    session.run(kernel.mask.assign(mask))
    frozen = tf.graph_util.convert_variables_to_constants(
      session, session.graph.as_graph_def(), ['output_0', 'output_1']
    )
    feeds = {
      'encoded:0': session.run(
        tf.image.encode_png(np.full([8, 8, 3], 77, np.uint8))
      )
    }
    expected = session.run(['output_0:0', 'output_1:0'], feeds)
  with pytest.raises(tf.errors.InvalidArgumentError, match='feed a value'):
    strip_pruning_vars_lib.strip_pruning_vars_fn(frozen, ['output_0'])
  stripped = patched.strip_pruning_vars_fn(frozen, [''])
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(stripped, name='')
    found = session.run(['output_0:0', 'output_1:0'], feeds)
  np.testing.assert_array_equal(found, expected)
  sizes = [
    tf.make_ndarray(node.attr['value'].tensor).size
    for node in stripped.node
    if node.op == 'Const'
  ]
  assert sizes.count(3 * 3 * 3 * 9) == 1


def test_patched_contrib_keeps_all_outputs_of_a_checkpoint(tree, tmp_path):
  patched = load_patched_contrib(tree)
  image = tf.placeholder(tf.float32, [1, 4, 4, 3], 'image')
  with masking.masking_scope():
    net = slim.conv2d(
      image,
      2,
      3,
      scope='conv',
      normalizer_fn=slim.batch_norm,
      weights_regularizer=slim.l2_regularizer(0.1),
    )
  tf.identity(net, 'first')
  tf.reduce_sum(net, name='second')
  tf.assign_add(tf.train.create_global_step(), 1)
  tf.get_variable('resource', [2], use_resource=True)
  with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    tf.train.Saver().save(session, str(tmp_path / 'model.ckpt'))
    feeds = {'image:0': np.arange(48, dtype=np.float32).reshape(1, 4, 4, 3)}
    expected = session.run(['first:0', 'second:0'], feeds)
  with pytest.raises((AssertionError, ValueError, KeyError)):
    strip_pruning_vars_lib.graph_def_from_checkpoint(str(tmp_path), [''])
  frozen = patched.graph_def_from_checkpoint(str(tmp_path), [''])
  names = {node.name.rpartition('/')[2] for node in frozen.node}
  assert {'mask', 'first', 'second'} <= names
  assert not {'threshold', 'resource', 'l2_regularizer', 'AssignAdd'} & names
  stripped = patched.strip_pruning_vars_fn(frozen, [''])
  # Only the regularizer reads the kernel without its mask.
  sizes = [
    tf.make_ndarray(node.attr['value'].tensor).size
    for node in stripped.node
    if node.op == 'Const'
  ]
  assert sizes.count(3 * 3 * 3 * 2) == 1
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(stripped, name='')
    for found, wanted in zip(
      session.run(['first:0', 'second:0'], feeds), expected
    ):
      np.testing.assert_array_equal(found, wanted)


@pytest.fixture(scope='module')
def patched_stock(tmp_path_factory):
  """A folder with a whole patched copy of the stock package."""
  folder = tmp_path_factory.mktemp('research')
  shutil.copytree(
    os.path.dirname(object_detection.__file__),
    str(folder / 'object_detection'),
    ignore=shutil.ignore_patterns('__pycache__', 'test_data', '*_test.py'),
  )
  result = apply_patches(folder)
  assert states(result) == ['applied now'], result.stderr
  return folder


@pytest.mark.slow
def test_patched_stock_programs_know_the_masked_extractors(
  patched_stock, tree, data, tmp_path, monkeypatch
):
  monkeypatch.setenv('PYTHONPATH', str(patched_stock))
  config = detectors.write(
    detectors.config(detectors.ssd(masked=True), data, num_steps=1), tmp_path
  )
  trained = processes.python(
    patched_stock / 'object_detection/model_main.py',
    f'--pipeline_config_path={config}',
    f'--model_dir={tmp_path}/model',
    '--num_train_steps=1',
  )
  assert trained.returncode == 0, trained.stderr[-2000:]
  exported = processes.python(
    patched_stock / 'object_detection/export_inference_graph.py',
    f'--pipeline_config_path={config}',
    f'--trained_checkpoint_prefix={tmp_path}/model/model.ckpt-1',
    f'--output_directory={tmp_path}/export',
    '--input_type=encoded_image_string_tensor',
  )
  assert exported.returncode == 0, exported.stderr[-2000:]
  frozen = tf.GraphDef.FromString(
    (tmp_path / 'export/frozen_inference_graph.pb').read_bytes()
  )
  masks = [node for node in frozen.node if node.name.endswith('/mask')]
  assert len(masks) == 22
  # The exporter wrote a checkpoint of the masked model too, with its graph.
  patched = load_patched_contrib(tree)
  stripped = patched.strip_pruning_vars_fn(
    patched.graph_def_from_checkpoint(str(tmp_path / 'export'), ['']), ['']
  )
  assert not [node for node in stripped.node if node.name.endswith('/mask')]
  with tf.Session() as session:
    image = tf.image.encode_png(np.full([50, 60, 3], 77, np.uint8))
    feeds = {'encoded_image_string_tensor:0': [session.run(image)]}
  outputs = [
    f'detection_{name}:0' for name in ('boxes', 'scores', 'classes')
  ] + ['num_detections:0']
  expected, found = [run(each, outputs, feeds) for each in (frozen, stripped)]
  assert expected[3] > 0
  for wanted, got in zip(expected, found):
    np.testing.assert_array_equal(got, wanted)


def run(graph_def, outputs, feeds):
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(graph_def, name='')
    return session.run(outputs, feeds)
