"""Runs one variant of a detector whenever it is told to.

Started by compare.py, one process a variant: two op libraries, two versions of
TensorFlow and MNN do not fit into one process. Prints a JSON line once it has
a first result, and then the seconds of a run for every line that it reads.
"""

import argparse
import glob
import json
import os
import resource
import sys
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
_CUT_OUTPUTS = ('raw_outputs/box_encodings', 'raw_outputs/class_predictions')


def main():
  arguments = _parse()
  start = time.perf_counter()
  run, size = (_mnn if arguments.variant == 'mnn' else _tensorflow)(arguments)
  run()
  first = time.perf_counter() - start
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
    start = time.perf_counter()
    run()
    print(time.perf_counter() - start, flush=True)


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


def _tensorflow(arguments):
  import magnitude
  import numpy as np
  import tensorflow as tf

  tf.logging.set_verbosity(tf.logging.ERROR)
  graph_def = tf.GraphDef()
  with open(arguments.graph, 'rb') as file:
    graph_def.ParseFromString(file.read())
  names = {node.name for node in graph_def.node}
  outputs = [name for name in _OUTPUTS if name in names]
  shape = (1, arguments.height, arguments.width, 3)
  random = np.random.RandomState(0)
  if outputs:
    feed, x = 'image_tensor:0', random.randint(0, 256, shape).astype(np.uint8)
    if arguments.image:
      x = _read(arguments.image, arguments.width, arguments.height)
  else:
    outputs = [name for name in _CUT_OUTPUTS if name in names]
    feed = 'normalized_input_image_tensor:0'
    x = random.uniform(-1, 1, shape).astype(np.float32)
  if arguments.sparsity:
    graph_def = magnitude.prune(graph_def, arguments.sparsity)
  graph_def = _rewrite(graph_def, arguments, outputs)
  # What came before is the exporter's work and not a user's first start.
  graph = tf.Graph()
  with graph.as_default():
    tf.import_graph_def(graph_def, name='')
  config = tf.ConfigProto(
    intra_op_parallelism_threads=arguments.threads,
    inter_op_parallelism_threads=1,
  )
  session = tf.Session(graph=graph, config=config)
  call = session.make_callable([name + ':0' for name in outputs], [feed])
  return lambda: call(x), graph_def.ByteSize()


def _rewrite(graph_def, arguments, outputs):
  if arguments.variant == 'sparse':
    from object_detection_pruning.sparse_ops import library, rewrite

    library.load()
    return rewrite.rewrite(graph_def, outputs).graph_def
  if arguments.variant == 'prototype':
    sys.path.insert(0, arguments.prototype)
    import rewrite
    import tensorflow as tf

    (found,) = glob.glob(os.path.join(arguments.prototype, '*.so'))
    tf.load_op_library(found)
    mode = 'all' if outputs[0] in _CUT_OUTPUTS else 'all+'
    return rewrite.rewrite(graph_def, mode, 0.6, outputs)[0]
  return graph_def


def _read(path, width, height):
  import numpy as np
  from PIL import Image

  return np.asarray(Image.open(path).convert('RGB').resize((width, height)))[
    np.newaxis
  ]


def _mnn(arguments):
  import MNN
  import numpy as np

  interpreter = MNN.Interpreter(arguments.graph)
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
  return (
    lambda: interpreter.runSession(session),
    os.path.getsize(arguments.graph),
  )


if __name__ == '__main__':
  main()
