"""Detects in one image with the runtime that a model's file belongs to.

  python examples/detect_elsewhere.py model.onnx photo.jpg

OpenVINO runs an .xml, ONNX Runtime an .onnx, LiteRT a .tflite, and TensorFlow a
.pb or the folder of a SavedModel. Only that runtime, NumPy and Pillow must be
installed. Prints a line for each detection, as detect.cc does. With
--compare=FILE it prints instead how far the detections are from the lines in
FILE, and fails where one is missing.
"""

import argparse
import json
import os
import re
import sys
from typing import Any, Callable, Dict, List, Optional

import numpy as np

Run = Callable[[np.ndarray], Dict[str, np.ndarray]]

_NAMES = ('detection_boxes', 'detection_scores', 'detection_classes')
# Of a TFLite detector, in its order.
_LITERT_NAMES = (_NAMES[0], _NAMES[2], _NAMES[1], 'num_detections')
_NUMBER = re.compile(r'-?\d+(?:\.\d+)?')
# Only detections at least this sure are compared. Two are the same if neither
# box side nor score differs by more than the second.
_SURE, _CLOSE = 0.1, 0.01


def open_model(
  path: str,
  threads: int = 1,
  library: Optional[str] = None,
  precision: str = '',
) -> Run:
  """Opens a model in the runtime of its file.

  Args:
    path: of the model.
    threads: the runtime may use.
    library: TensorFlow's op library of a sparse graph.
    precision: numbers that OpenVINO computes with, such as f32. Where it is
      free to choose, that is bfloat16 on some processors.

  Returns:
    From the model's input to its outputs by name. A detector takes
    [1, height, width, 3] uint8.
  """
  suffix = os.path.splitext(path)[1]
  if suffix == '.xml':
    return _openvino(path, threads, precision)
  if suffix == '.onnx':
    return _onnx(path, threads)
  if suffix == '.tflite':
    return _litert(path, threads)
  return _tensorflow(path, threads, library)


def _openvino(path: str, threads: int, precision: str) -> Run:
  import openvino

  settings = {'INFERENCE_NUM_THREADS': threads, 'PERFORMANCE_HINT': 'LATENCY'}
  if precision:
    settings['INFERENCE_PRECISION_HINT'] = precision
  model = openvino.Core().compile_model(path, 'CPU', settings)

  def run(x: np.ndarray) -> Dict[str, np.ndarray]:
    found = model([x])
    return {
      name.split(':')[0]: value
      for output, value in found.items()
      for name in output.names
    }

  return run


def _onnx(path: str, threads: int) -> Run:
  import onnxruntime

  options = onnxruntime.SessionOptions()
  options.intra_op_num_threads = threads
  options.log_severity_level = 3
  session = onnxruntime.InferenceSession(
    path, options, providers=['CPUExecutionProvider']
  )
  (given,) = session.get_inputs()
  names = [output.name.split(':')[0] for output in session.get_outputs()]
  return lambda x: dict(zip(names, session.run(None, {given.name: x})))


def _litert(path: str, threads: int) -> Run:
  from ai_edge_litert import interpreter

  model = interpreter.Interpreter(path, num_threads=threads)
  model.allocate_tensors()
  (given,) = model.get_input_details()
  outputs = model.get_output_details()
  with open(os.path.splitext(path)[0] + '.json') as file:
    description = json.load(file)
  method = description.get('resize_method', 'BILINEAR')
  if method != 'BILINEAR':
    sys.exit(f'error: images are resized as BILINEAR here, not as {method}')
  scale = np.array(description['input_scale'], np.float32)
  offset = np.array(description['input_offset'], np.float32)

  def run(x: np.ndarray) -> Dict[str, np.ndarray]:
    if x.dtype == np.uint8:
      x = _resized(x, *given['shape'][1:3]) * scale + offset
    model.set_tensor(given['index'], x)
    model.invoke()
    values = [model.get_tensor(output['index']) for output in outputs]
    if len(values) != len(_LITERT_NAMES):  # Cut before its post-processing.
      return {output['name']: v for output, v in zip(outputs, values)}
    found = dict(zip(_LITERT_NAMES, values))
    limit = description['max_detections']
    found['num_detections'] = np.minimum(found['num_detections'], limit)
    # TFLite lets boxes reach over the edge, counts classes from 0 and label
    # maps from 1.
    found['detection_boxes'] = found['detection_boxes'].clip(0, 1)
    found['detection_classes'] = found['detection_classes'] + 1
    return found

  return run


def _resized(images: np.ndarray, height: int, width: int) -> np.ndarray:
  """Scales as TensorFlow 1 does; image libraries put pixels elsewhere."""
  x = images.astype(np.float32)
  for axis, size in ((1, height), (2, width)):
    old = x.shape[axis]
    if old == size:
      continue
    at = np.arange(size, dtype=np.float32) * np.float32(old / size)
    low = at.astype(np.int64)
    share = (at - low).astype(np.float32).reshape([-1] + [1] * (3 - axis))
    first = x.take(low, axis)
    second = x.take(np.minimum(low + 1, old - 1), axis)
    x = first + (second - first) * share
  return x


def _tensorflow(path: str, threads: int, library: Optional[str]) -> Run:
  import tensorflow as tf

  if library:
    tf.load_op_library(library)
  if os.path.isdir(path):
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = tf.saved_model.load(path)
    serve = model.signatures['serving_default']
    (name,) = serve.structured_input_signature[1]
    return lambda x: {
      key: value.numpy()
      for key, value in serve(**{name: tf.constant(x)}).items()
    }
  return _graph(path, threads, tf.compat.v1)


def _graph(path: str, threads: int, tf: Any) -> Run:
  """Runs a frozen graph; `tf` is TensorFlow's module of version 1."""
  graph_def = tf.GraphDef()
  with open(path, 'rb') as file:
    graph_def.ParseFromString(file.read())
  (given,) = [n.name for n in graph_def.node if n.op == 'Placeholder']
  wanted = _NAMES + ('num_detections', 'detection_masks')
  wanted += ('raw_outputs/box_encodings', 'raw_outputs/class_predictions')
  names = [n.name for n in graph_def.node if n.name in wanted]
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(graph_def, name='')
  config = tf.ConfigProto(
    intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1
  )
  session = tf.Session(graph=graph, config=config)
  call = session.make_callable([f'{name}:0' for name in names], [f'{given}:0'])
  return lambda x: dict(zip(names, call(x)))


def detections(outputs: Dict[str, np.ndarray]) -> np.ndarray:
  """Rows of class, score, ymin, xmin, ymax and xmax."""
  count = int(outputs['num_detections'].ravel()[0])
  boxes, scores, classes = (outputs[name][0][:count] for name in _NAMES)
  return np.column_stack([classes, scores, boxes])


def differences(found: np.ndarray, expected: np.ndarray) -> List[float]:
  """How far the nearest of `found` is from each sure one of `expected`.

  Args:
    found: detections, see `detections`.
    expected: those of the other runtime.

  Returns:
    The largest difference of a box side or the score, for each expected one.
  """
  distances = []
  for row in expected[expected[:, 1] >= _SURE]:
    others = found[found[:, 0] == row[0]]
    apart = np.abs(others[:, 1:] - row[1:]).max(1)
    distances.append(float(apart.min()) if len(apart) else 1.0)
  return distances


def summary(distances: List[float]) -> str:
  """One line: how many are found again, and how near they are."""
  near = [d for d in distances if d <= _CLOSE]
  line = f'{len(near)} of {len(distances)} detections found'
  return line + (f', boxes and scores within {max(near):.1e}' if near else '')


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('model')
  parser.add_argument('image')
  parser.add_argument('--library', help='op library of a sparse graph')
  parser.add_argument('--compare', help='file with the lines of another run')
  arguments = parser.parse_args()
  from PIL import Image

  image = np.asarray(Image.open(arguments.image).convert('RGB'))
  run = open_model(arguments.model, library=arguments.library)
  found = detections(run(image[np.newaxis]))
  if arguments.compare:
    with open(arguments.compare) as file:
      lines = [_NUMBER.findall(line) for line in file]
    distances = differences(found, np.array(lines, float).reshape(-1, 6))
    print(summary(distances))
    sys.exit(any(distance > _CLOSE for distance in distances))
  for row in found:
    print(
      'class {:.0f} score {:.6f} ymin {:.6f} xmin {:.6f} ymax {:.6f} '
      'xmax {:.6f}'.format(*row)
    )


if __name__ == '__main__':
  main()
