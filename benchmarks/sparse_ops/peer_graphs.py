"""Makes the environments of other runtimes, and a graph for each.

Part of peers.py. What exists is not made again.
"""

import os
import shutil
import subprocess
import sys
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

_HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(_HERE))
# Of tf2onnx, newer onnx needs a newer ml_dtypes than TensorFlow 2.15 takes.
ENVIRONMENTS = {
  'openvino': ('openvino==2026.4.1', 'nncf==3.4.0'),
  'onnx': (
    *('tensorflow-cpu==2.15.1', 'tf2onnx==1.17.0', 'onnx==1.17.0'),
    'onnxruntime==1.32.0',
  ),
  'litert': ('ai-edge-litert==2.3.0',),
  'mnn': ('MNN==3.6.1', 'numpy==2.4.6'),
}


class Variant(NamedTuple):
  """A runtime with a graph.

  Attributes:
    label: name in the results.
    environment: that runs it; None for that of this script.
    suffix: end of its file.
    precision: numbers that OpenVINO computes with; '' for its own choice, which
      on some processors is bfloat16.
  """

  label: str
  environment: Optional[str]
  suffix: str
  precision: str = ''


VARIANTS = (
  Variant('TensorFlow, plain graph', None, '.pb'),
  Variant('TensorFlow, sparse graph', None, '_sparse.pb'),
  Variant('OpenVINO', 'openvino', '.xml', 'f32'),
  Variant('OpenVINO, precision of its choice', 'openvino', '.xml'),
  Variant('OpenVINO, 8-bit by NNCF', 'openvino', '_8bit.xml'),
  Variant('ONNX Runtime', 'onnx', '.onnx'),
  Variant('LiteRT with XNNPACK', 'litert', '.tflite'),
  Variant('MNN, sparse kernels', 'mnn', '.mnn'),
)
# The input and the outputs of the graphs.
GRAPHS = {
  'whole': (
    'image_tensor',
    'num_detections,detection_boxes,detection_scores,detection_classes',
  ),
  'cut': (
    'normalized_input_image_tensor',
    'raw_outputs/box_encodings,raw_outputs/class_predictions',
  ),
}
_SIZE = 300
_CALIBRATION_IMAGES = 24


def write_images(folder: str, out: str) -> None:
  from PIL import Image

  path = os.path.join(out, 'images.npy')
  if os.path.exists(path):
    return
  names = sorted(n for n in os.listdir(folder) if n.lower().endswith('.jpg'))
  np.save(
    path,
    [
      np.asarray(
        Image.open(os.path.join(folder, name))
        .convert('RGB')
        .resize((_SIZE, _SIZE), Image.BILINEAR)
      )
      for name in names[:_CALIBRATION_IMAGES]
    ],
  )


def make_environment(base: str, folder: str, packages: Tuple[str, ...]) -> None:
  python = os.path.join(folder, 'bin/python')
  if not os.path.exists(python):
    subprocess.run([base, '-m', 'venv', folder], check=True)
    command = [python, '-m', 'pip', 'install', '--quiet', *packages]
    subprocess.run(command, check=True)


def make_graphs(model_dir: str, out: str, part: str) -> None:
  """Writes each variant's file of a graph, where it is missing."""
  plain = os.path.join(out, f'{part}.pb')
  if not os.path.exists(plain):
    _make_plain(model_dir, plain, part)
  outputs = GRAPHS[part][1].split(',')
  for variant in VARIANTS[1:]:
    suffix = variant.suffix
    path = os.path.join(out, part + suffix)
    if os.path.exists(path):
      continue
    python = python_of(out, variant.environment)
    if suffix == '_sparse.pb':
      _make_sparse(plain, path, outputs)
    elif suffix == '.tflite':
      _make_tflite(model_dir, path, part)
    elif suffix == '.mnn':
      script = os.path.join(_HERE, 'make_mnn.py')
      _run([python, script, '--graph', plain, '--output', path])
    else:
      images = os.path.join(out, 'images.npy')
      options = ['--images', images] if suffix == '_8bit.xml' else []
      _convert(python, plain, path, part, options)


def make_others(out: str, graphs: Dict[str, str]) -> List[Variant]:
  """Converts more whole graphs for OpenVINO, and lists their variants.

  Args:
    out: folder of the environments and the graphs.
    graphs: frozen graphs by label.
  """
  for label, graph in graphs.items():
    path = os.path.join(out, f'whole_{label}.xml')
    if not os.path.exists(path):
      _convert(python_of(out, 'openvino'), graph, path, 'whole', [])
  return [
    Variant(f'OpenVINO, {x}', 'openvino', f'_{x}.xml', 'f32') for x in graphs
  ]


def _convert(python: str, graph: str, path: str, part: str, options) -> None:
  given, outputs = GRAPHS[part]
  command = [python, os.path.join(_HERE, 'convert_peer.py'), '--graph', graph]
  command += ['--input', given, '--outputs', outputs]
  _run(command + ['--output_path', path, *options])


def _make_plain(model_dir: str, path: str, part: str) -> None:
  if part == 'whole':
    frozen = os.path.join(model_dir, 'frozen_inference_graph.pb')
    shutil.copy(frozen, path)
    return
  _run(
    [
      *(sys.executable, os.path.join(_HERE, 'make_detector.py')),
      *('--cut_before_nms', f'--output_graph={path}'),
      f'--pipeline_config_path={model_dir}/pipeline.config',
      f'--checkpoint={_checkpoint(model_dir)}',
    ]
  )


def _make_sparse(plain: str, path: str, outputs: List[str]) -> None:
  import tensorflow.compat.v1 as tf

  from object_detection_pruning.sparse_ops import rewrite

  with open(plain, 'rb') as file:
    graph_def = tf.GraphDef.FromString(file.read())
  rewritten = rewrite.rewrite(graph_def, outputs).graph_def
  with open(path, 'wb') as file:
    file.write(rewritten.SerializeToString())


def _make_tflite(model_dir: str, path: str, part: str) -> None:
  folder = os.path.splitext(path)[0]
  command = [sys.executable, '-m', 'object_detection_pruning', 'export_tflite']
  command += [f'--pipeline_config_path={model_dir}/pipeline.config']
  command += [f'--checkpoint={_checkpoint(model_dir)}']
  command += [f'--output_dir={folder}', '--overwrite']
  if part == 'cut':
    command.append('--noadd_postprocessing_op')
  _run(command)
  for suffix in ('.json', '.tflite'):
    made = os.path.join(folder, 'model' + suffix)
    if os.path.exists(made):
      shutil.move(made, folder + suffix)


def _checkpoint(model_dir: str) -> str:
  from object_detection_pruning.common import checkpoints

  return checkpoints.resolve(model_dir)


def _run(command: List[str]) -> None:
  """A converter that fails leaves no file, and then the variant an error."""
  subprocess.run(
    command,
    stdout=subprocess.DEVNULL,
    env=dict(os.environ, PYTHONPATH=ROOT, TF_CPP_MIN_LOG_LEVEL='3'),
  )


def python_of(out: str, environment: Optional[str]) -> str:
  """The interpreter of an environment; None is that of this script."""
  if environment is None:
    return sys.executable
  return os.path.join(out, environment, 'bin/python')
