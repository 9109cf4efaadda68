"""Runs one variant of a detector whenever it is told to.

Started by compare.py, one process a variant: two op libraries, two versions of
TensorFlow and MNN do not fit into one process. Prints a JSON line once it has
a first result, and then the seconds of a few runs for every line that it reads.
"""

import argparse
import glob
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
os.environ['OMP_NUM_THREADS'] = '1'

_OUTPUTS = (
  'num_detections',
  'detection_boxes',
  'detection_scores',
  'detection_classes',
  'detection_masks',
)
_RUNS = 3
_CUT_OUTPUTS = ('raw_outputs/box_encodings', 'raw_outputs/class_predictions')


def main():
  arguments = _parse()
  with tempfile.TemporaryDirectory() as folder:
    if arguments.variant == 'mnn':
      path, prepare = arguments.graph, _mnn
    else:
      path, prepare = os.path.join(folder, 'graph.pb'), _tensorflow
      # In a process of its own: this is the exporter's work, and neither its
      # time nor its memory are those of a user's first start.
      exporter = multiprocessing.Process(target=_write, args=(arguments, path))
      exporter.start()
      exporter.join()
    start = time.perf_counter()
    run = prepare(arguments, path)
    run()
    first = time.perf_counter() - start
    size = os.path.getsize(path)
  print(
    json.dumps(
      {
        'first_seconds': first,
        'peak_mb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        'bytes': size,
      }
    ),
    flush=True,
  )
  for _ in sys.stdin:
    # Another variant ran before: the caches hold what is its own.
    run()
    print(*(_seconds(run) for _ in range(_RUNS)), flush=True)


def _seconds(run):
  start = time.perf_counter()
  run()
  return time.perf_counter() - start


def _parse():
  parser = argparse.ArgumentParser()
  parser.add_argument('--variant', required=True)
  parser.add_argument('--graph', required=True)
  parser.add_argument('--sparsity', type=float, default=0)
  parser.add_argument('--height', type=int, default=300)
  parser.add_argument('--width', type=int, default=300)
  parser.add_argument('--image')
  parser.add_argument('--threads', type=int, default=1)
  parser.add_argument('--prototype')
  return parser.parse_args()


def _write(arguments, path):
  import magnitude

  graph_def = _parsed(arguments.graph)
  if arguments.sparsity:
    graph_def = magnitude.prune(graph_def, arguments.sparsity)
  outputs = _outputs(graph_def)
  if arguments.variant == 'sparse':
    from object_detection_pruning.sparse_ops import rewrite

    graph_def = rewrite.rewrite(graph_def, outputs).graph_def
  if arguments.variant == 'prototype':
    sys.path.insert(0, arguments.prototype)
    import rewrite

    mode = 'all' if outputs[0] in _CUT_OUTPUTS else 'all+'
    graph_def = rewrite.rewrite(graph_def, mode, 0.6, outputs)[0]
  with open(path, 'wb') as file:
    file.write(graph_def.SerializeToString())


def _tensorflow(arguments, path):
  import numpy as np
  import tensorflow.compat.v1 as tf

  tf.logging.set_verbosity(tf.logging.ERROR)
  if arguments.variant == 'sparse':
    from object_detection_pruning.sparse_ops import library

    library.load()
  if arguments.variant == 'prototype':
    (found,) = glob.glob(os.path.join(arguments.prototype, '*.so'))
    tf.load_op_library(found)
  graph_def = _parsed(path)
  outputs = _outputs(graph_def)
  shape = (1, arguments.height, arguments.width, 3)
  random = np.random.RandomState(0)
  if outputs[0] in _CUT_OUTPUTS:
    feed = 'normalized_input_image_tensor:0'
    x = random.uniform(-1, 1, shape).astype(np.float32)
  else:
    feed, x = 'image_tensor:0', random.randint(0, 256, shape).astype(np.uint8)
    if arguments.image:
      x = _read(arguments.image, arguments.width, arguments.height)
  graph = tf.Graph()
  with graph.as_default():
    tf.import_graph_def(graph_def, name='')
  config = tf.ConfigProto(
    intra_op_parallelism_threads=arguments.threads,
    inter_op_parallelism_threads=1,
  )
  session = tf.Session(graph=graph, config=config)
  call = session.make_callable([name + ':0' for name in outputs], [feed])
  return lambda: call(x)


def _parsed(path):
  import tensorflow.compat.v1 as tf

  graph_def = tf.GraphDef()
  with open(path, 'rb') as file:
    graph_def.ParseFromString(file.read())
  return graph_def


def _outputs(graph_def):
  names = {node.name for node in graph_def.node}
  found = [name for name in _OUTPUTS if name in names]
  return found or [name for name in _CUT_OUTPUTS if name in names]


def _read(path, width, height):
  import numpy as np
  from PIL import Image

  return np.asarray(Image.open(path).convert('RGB').resize((width, height)))[
    np.newaxis
  ]


def _mnn(arguments, path):
  import MNN
  import numpy as np

  interpreter = MNN.Interpreter(path)
  session = interpreter.createSession(
    {'numThread': arguments.threads, 'backend': 'CPU'}
  )
  tensor = interpreter.getSessionInput(session)
  shape = (1, arguments.height, arguments.width, 3)
  x = np.random.RandomState(0).uniform(-1, 1, shape).astype(np.float32)
  tensor.copyFrom(
    MNN.Tensor(
      shape, MNN.Halide_Type_Float, x, MNN.Tensor_DimensionType_Tensorflow
    )
  )
  return lambda: interpreter.runSession(session)


if __name__ == '__main__':
  main()
