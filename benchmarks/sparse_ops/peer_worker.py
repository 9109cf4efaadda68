"""Runs one detector in one runtime whenever it is told to.

Started by peers.py with the interpreter of that runtime's environment. Says in
a JSON line what it finds in the image, and then the seconds of a few runs for
every line that it reads.
"""

import argparse
import json
import os
import sys
import time
from typing import Any, Callable

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(_HERE, '../../examples'))
_RUNS = 3
# What MNN calls the outputs: it drops the identities that name them.
_MAP = 'Postprocessor/BatchMultiClassNonMaxSuppression/map'
_MNN_OUTPUTS = {
  'detection_boxes': f'{_MAP}/TensorArrayStack/TensorArrayGatherV3',
  'detection_scores': f'{_MAP}/TensorArrayStack_1/TensorArrayGatherV3',
  'detection_classes': 'add',
  'num_detections': 'Postprocessor/Cast_4',
}


def main() -> None:
  parser = argparse.ArgumentParser()
  parser.add_argument('--model', required=True)
  parser.add_argument('--images', required=True)
  parser.add_argument('--library')
  parser.add_argument('--cut', action='store_true', help='takes floats')
  parser.add_argument('--threads', type=int, default=1)
  parser.add_argument('--precision', default='', help='for OpenVINO')
  arguments = parser.parse_args()
  import detect_elsewhere
  import numpy as np

  # Images of the model's own size: then no runtime has more to resize.
  x = np.load(arguments.images)[:1]
  if arguments.cut:
    x = (x * np.float32(2 / 255) - 1).astype(np.float32)
  if arguments.model.endswith('.mnn'):
    make = _mnn if arguments.cut else _mnn_detector
    run = make(arguments.model, arguments.threads, x)
  else:
    model = detect_elsewhere.open_model(
      arguments.model,
      arguments.threads,
      arguments.library,
      arguments.precision,
    )
    run = lambda: model(x)  # noqa: E731
  found = run()
  start = {}
  if not arguments.cut:
    start['detections'] = detect_elsewhere.detections(found).tolist()
  print(json.dumps(start), flush=True)
  for _ in sys.stdin:
    # Another variant ran before: the caches hold what is its own.
    run()
    print(*(_seconds(run) for _ in range(_RUNS)), flush=True)


def _seconds(run: Callable) -> float:
  start = time.perf_counter()
  run()
  return time.perf_counter() - start


def _mnn(path: str, threads: int, x: Any) -> Callable:
  """Runs a graph cut before its post-processing."""
  import MNN

  interpreter = MNN.Interpreter(path)
  session = interpreter.createSession({'numThread': threads, 'backend': 'CPU'})
  tensor = interpreter.getSessionInput(session)
  layout = MNN.Tensor_DimensionType_Tensorflow
  given = MNN.Tensor(x.shape, MNN.Halide_Type_Float, x, layout)

  def run() -> None:
    tensor.copyFrom(given)
    interpreter.runSession(session)

  return run


def _mnn_detector(path: str, threads: int, x: Any) -> Callable:
  """Runs a whole graph: one with loops needs MNN's modules."""
  import MNN.expr
  import MNN.nn

  runtime = MNN.nn.create_runtime_manager(
    ({'numThread': threads, 'backend': 'CPU'},)
  )
  module = MNN.nn.load_module_from_file(
    path,
    ['image_tensor'],
    list(_MNN_OUTPUTS.values()),
    runtime_manager=runtime,
    shape_mutable=True,
  )

  def run() -> dict:
    given = MNN.expr.const(x, list(x.shape), MNN.expr.NHWC, MNN.expr.uint8)
    found = module.forward([given])
    return {name: each.read() for name, each in zip(_MNN_OUTPUTS, found)}

  return run


if __name__ == '__main__':
  main()
