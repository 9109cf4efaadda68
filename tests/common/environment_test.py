import os
import subprocess
import sys
import textwrap

import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import environment

IS_CLASSIC = tf.__version__.startswith('1.')
STOCK_FILES = [
  'research/object_detection/__init__.py',
  'research/object_detection/model_lib.py',
  'research/object_detection/protos/__init__.py',
  'research/object_detection/protos/pipeline_pb2.py',
  'research/slim/nets/__init__.py',
  'research/slim/nets/inception_v2.py',
]


def write_stock_tree(root, without=()):
  for path in set(STOCK_FILES) - set(without):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('')


def check_object_detection_in(root):
  """Runs the check where only the standard library and `root` are importable.

  Returns:
    the error message, or '' where the check passes.
  """
  probe = """
    import importlib.util, sys
    sys.path[:] = [p for p in sys.path if 'site-packages' not in p]
    sys.path += sys.argv[2:]
    spec = importlib.util.spec_from_file_location('environment', sys.argv[1])
    environment = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(environment)
    try:
      environment.check_object_detection()
    except ImportError as error:
      print(error)
  """
  folders = [root / 'research', root / 'research/slim', root / 'more']
  command = [sys.executable, '-I', '-c', textwrap.dedent(probe)]
  command += [environment.__file__] + [str(folder) for folder in folders]
  return subprocess.check_output(command).decode().strip()


@pytest.mark.parametrize(
  'version', ['1.14.0', '1.15.5', '1.15.0-rc3', '2.15.1']
)
def test_takes_tensorflow(version):
  environment.check_tensorflow_version(version)


@pytest.mark.parametrize(
  'version', ['1.13.2', '2.0.0', '2.14.0', '2.16.1', '1.140.0']
)
def test_refuses_tensorflow_and_names_its_version(version):
  with pytest.raises(ImportError, match='1.14, 1.15 or 2.15, got ' + version):
    environment.check_tensorflow_version(version)


@pytest.mark.parametrize(
  ('tensorflow', 'numpy'),
  [
    ('1.15.5', '1.18.5'),
    ('1.15.5', '1.19.5'),
    ('1.14.0', '1.21.6'),
    ('2.15.1', '1.23.5'),
  ],
)
def test_takes_numpy(tensorflow, numpy):
  environment.check_numpy_version(tensorflow, numpy)


@pytest.mark.parametrize('numpy', ['1.20.0', '1.21.6', '1.20.0rc1'])
def test_refuses_numpy_that_tensorflow_1_15_cannot_use(numpy):
  with pytest.raises(ImportError) as error:
    environment.check_numpy_version('1.15.5', numpy)
  assert str(error.value) == (
    f'TensorFlow 1.15.5 needs numpy<1.20, got {numpy}: '
    'run pip install "numpy<1.20"'
  )


@pytest.mark.parametrize('numpy', ['1.24.0', '1.26.4', '2.0.1'])
def test_refuses_numpy_that_lacks_what_stock_code_calls(numpy):
  with pytest.raises(ImportError, match='needs numpy<1.24, got ' + numpy):
    environment.check_numpy_version('2.15.1', numpy)


def test_takes_a_source_tree_of_the_object_detection_api(tmp_path):
  write_stock_tree(tmp_path)
  assert check_object_detection_in(tmp_path) == ''


@pytest.mark.parametrize(
  ('missing', 'what', 'remedy'),
  [
    (STOCK_FILES[1], 'module object_detection', 'models/research/slim'),
    (STOCK_FILES[3], 'protos', 'protoc object_detection/protos/*.proto'),
    (STOCK_FILES[5], 'module nets', '--no-deps tf-object-detection'),
  ],
)
def test_says_in_one_line_what_is_missing(tmp_path, missing, what, remedy):
  write_stock_tree(tmp_path, without=[missing])
  message = check_object_detection_in(tmp_path)
  assert what in message.split(': ')[0]
  assert remedy in message.split(': ', 1)[1]
  assert '\n' not in message


def test_a_folder_called_nets_without_slim_is_not_taken_for_slim(tmp_path):
  write_stock_tree(tmp_path, without=STOCK_FILES[4:])
  (tmp_path / 'more/nets').mkdir(parents=True)
  assert '(module nets)' in check_object_detection_in(tmp_path)


@pytest.mark.parametrize(
  ('path', 'module', 'remedy'),
  [
    ('slim/nets/inception_v2', 'tf_slim', 'tf-slim==1.1.0'),
    ('object_detection/core/densepose_ops', 'scipy', 'scipy<1.12'),
    (
      'object_detection/models/keras_models/resnet_v1',
      'keras',
      'keras==2.3.1',
    ),
  ],
)
def test_what_newer_sources_import_is_asked_for_by_them_only(
  tmp_path, path, module, remedy
):
  write_stock_tree(tmp_path)
  user = tmp_path / 'research' / (path + '.py')
  user.parent.mkdir(parents=True, exist_ok=True)
  user.write_text(f'from {module}_of_others import x\n')
  assert check_object_detection_in(tmp_path) == ''
  user.write_text(f'import os\nfrom {module}.x import y\n')
  message = check_object_detection_in(tmp_path)
  assert f'needs the module {module}: ' in message and remedy in message
  assert '\n' not in message
  (tmp_path / 'more').mkdir()
  (tmp_path / 'more' / (module + '.py')).write_text('')
  assert check_object_detection_in(tmp_path) == ''


def test_known_noise_is_silent_and_other_warnings_are_not(tmp_path):
  probe = tmp_path / 'probe.py'
  probe.write_text(
    textwrap.dedent("""
      import object_detection_pruning
      import tensorflow
      from object_detection import exporter
      tf = tensorflow.compat.v1
      if tf.__version__.startswith('1.'):
        tf = tensorflow
        tf.contrib.layers
      import warnings
      warnings.warn('one of the user', FutureWarning)
      tf.logging.warning('one of TensorFlow')
    """)
  )
  result = subprocess.run(
    [sys.executable, str(probe)],
    stderr=subprocess.PIPE,
    check=True,
    env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL='2'),
  )
  shown = result.stderr.decode()
  assert 'synonym of type' not in shown
  assert 'contrib-sunset' not in shown
  assert '/nets/' not in shown
  assert 'FutureWarning: one of the user' in shown
  assert 'disable_resource_variables' not in shown
  if IS_CLASSIC:
    assert f'From {probe}:11: The name tf.logging.warning is deprec' in shown
  assert 'WARNING:tensorflow:one of TensorFlow' in shown


def test_child_of_a_program_on_tensorflow_2_behaves_as_tensorflow_1():
  probe = (
    'import object_detection_pruning\n'
    'import tensorflow.compat.v1 as tf\n'
    'print(tf.zeros([3]).shape[0].value, type(tf.Variable(1.0)).__name__)'
  )
  shown = subprocess.check_output(
    [sys.executable, '-W', 'ignore', '-c', probe],
    env=dict(os.environ, TF2_BEHAVIOR='1'),
    stderr=subprocess.DEVNULL,
  )
  assert shown.split() == [b'3', b'RefVariable']
