"""What is looked at beside the exit status of a command.

Each function runs in a process of its own, and raises `forking.Failed`.
"""

import json
import math
import os
import resource
from typing import List

import detectors
import forking
import numpy as np
import tensorflow.compat.v1 as tf
import wide_images
from google.protobuf import text_format
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2
from tensorflow.python.training import training_util

import configs
from object_detection_pruning.batch_norm import recalibration
from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import checkpoints, finite
from object_detection_pruning.core import kernels
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.graphs import freezing, graph_files
from object_detection_pruning.inference import loaders
from object_detection_pruning.training import model_lib

# What the optimizer of the configs keeps beside a variable.
_SLOT = 'Momentum'
_IMAGES = 4


def make_data(folder: str, is_wide: bool = False) -> list:
  """Draws a few images; gives the fields of a `DetectionData`."""
  data = detection_data.generate_shapes(
    folder, num_train=_IMAGES, num_val=1, image_size=96
  )
  assert data.num_classes == detectors.NUM_CLASSES
  if is_wide:
    wide_images.widen_record(data.train_record)
  return list(data)


def stock_builds(config_path: str, size: int) -> None:
  """Builds a detector as the stock API has it, for training and inference."""
  config = pipeline_pb2.TrainEvalPipelineConfig()
  with open(config_path) as file:
    text_format.Merge(file.read(), config)
  for is_training in (True, False):
    with tf.Graph().as_default():
      model = model_builder.build(config.model, is_training)
      images = tf.zeros([1, size, size, 3])
      inputs, shapes = model.preprocess(images)
      if is_training:
        model.provide_groundtruth(
          [tf.constant([[0.2, 0.2, 0.7, 0.7]])],
          [tf.one_hot([1], model.num_classes)],
          [tf.ones([1, size, size])],
          [tf.ones([1])],
        )
      predicted = model.predict(inputs, shapes)
      if is_training:
        model.loss(predicted, shapes)
      else:
        model.postprocess(predicted, shapes)


def train(config_path: str, model_dir: str, step: int) -> float:
  """Trains to a step as `model_main` does, without the evaluation at its end.

  A folder that has a checkpoint is gone on with.

  Returns:
    The most memory that this process has had resident, in GB.
  """
  config = pipeline.load(config_path)
  config.train_config.num_steps = step
  # Neither summaries nor a faster graph pay in one step.
  session = tf.ConfigProto()
  session.graph_options.rewrite_options.disable_meta_optimizer = True
  run_config = tf.estimator.RunConfig(
    model_dir, tf_random_seed=1, save_summary_steps=0, session_config=session
  )
  run = model_lib.create_estimator_and_inputs(config, run_config, step)
  # The graph as text takes a fifth of the time, and nobody reads it.
  training_util.write_graph = lambda *_, **__: None
  run['estimator'].train(run['train_input_fn'], max_steps=step)
  kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return kilobytes / 2**20


def recalibrate(config_path: str, prefix: str) -> None:
  """Gives batch norm the statistics of some images.

  Activations of a deep network with random weights grow from layer to layer
  without, up to what is not finite.
  """
  config = pipeline.load(config_path)
  recalibration.recalibrate(config, prefix, _IMAGES, prefix)


def masked_kernels(prefix: str) -> dict:
  """Counts the kernels of a checkpoint that have masks, and all that could.

  All are the variables of two or more dimensions that an optimizer has trained,
  whatever their names: the library masks what it takes for a kernel.

  Returns:
    numbers of kernels and of their values; the number of parameters, which are
    trained or have masks; the name of a masked kernel in the middle, and the
    names of those without a mask.
  """
  shapes = checkpoints.shapes(prefix)
  masked = sorted(kernels.kernels_with_masks(shapes))
  # What has a mask need not be trained: some networks have parts without use.
  counted = {
    name: int(np.prod(shape))
    for name, shape in shapes.items()
    if f'{name}/{_SLOT}' in shapes or name in masked
  }
  sizes = {
    name: size for name, size in counted.items() if len(shapes[name]) >= 2
  }
  return {
    'masked': len(masked),
    'masked_values': sum(sizes[name] for name in masked),
    'all_values': sum(sizes.values()),
    'parameters': sum(counted.values()),
    'middle': masked[len(masked) // 2],
    'without': sorted(set(sizes) - set(masked)),
  }


def zeros_are_planned(prefix: str) -> None:
  """Checks that each mask of a checkpoint has the zeros of the schedule."""
  tensors = checkpoints.read(prefix)
  finite.check(prefix, tensors)
  for name, mask in _masks(tensors).items():
    zeros = int(np.sum(mask == 0))
    if abs(zeros - configs.SPARSITY * mask.size) > 1:
      raise forking.Failed(f'{name} has {zeros} zeros of {mask.size}')


def went_on(before: str, after: str) -> None:
  """Checks that a run trained on from a checkpoint under the same masks."""
  first, second = checkpoints.read(before), checkpoints.read(after)
  finite.check(after, second)
  masks = _masks(first)
  for name, mask in masks.items():
    if not np.array_equal(mask, _masks(second)[name]):
      raise forking.Failed(f'the mask of {name} changed')
  if all(np.array_equal(first[name], second[name]) for name in masks):
    raise forking.Failed('no kernel was trained')


def zeros_are_exact(prefix: str, graph_path: str) -> List[str]:
  """Checks each kernel of a frozen graph: the weights times their mask.

  Returns:
    Names of masked kernels whose layers are not in the graph at all, since no
    output depends on them.
  """
  tensors = checkpoints.read(prefix)
  graph = graph_files.read(graph_path).graph_def
  constants, unused = freezing.constants(graph), []
  for name, mask in _masks(tensors).items():
    layer = kernels.layer_name(name) + '/'
    if not any(node.name.startswith(layer) for node in graph.node):
      unused.append(name)
    elif name not in constants:
      raise forking.Failed(f'{name} is not in the frozen graph')
    elif not np.array_equal(constants[name], tensors[name] * mask):
      raise forking.Failed(f'{name} is not its weights times its mask')
  return unused


def sparsity_of(folder: str) -> float:
  """Gives the share of zeros in the kernels that `prune_weights` has pruned.

  They are counted in the graph that it wrote.
  """
  with open(os.path.join(folder, 'pruning.json')) as file:
    layers = json.load(file)['layers']
  path = os.path.join(folder, 'frozen_inference_graph.pb')
  constants = freezing.constants(graph_files.read(path).graph_def)
  pruned = {each['name']: each['shape'] for each in layers if each['pruned']}
  arrays = [
    array
    for name, array in constants.items()
    if pruned.get(kernels.layer_name(name)) == list(array.shape)
  ]
  if len(arrays) != len(pruned):
    raise forking.Failed('not every pruned kernel is in the graph')
  zeros = sum(int(np.sum(array == 0)) for array in arrays)
  return zeros / sum(array.size for array in arrays)


def parameters_left(folder: str) -> float:
  """Gives the share of parameters that a plan of channels keeps."""
  with open(os.path.join(folder, 'plan.json')) as file:
    plan = json.load(file)
  return plan['after']['params'] / plan['before']['params']


def has_one_point(path: str) -> None:
  """Checks that a file of sensitivities has one measured point, a number."""
  with open(path) as file:
    layers = json.load(file)['layers']
  points = [point for layer in layers for point in layer['points'].values()]
  if len(points) != 1 or not all(map(math.isfinite, points[0].values())):
    raise forking.Failed(f'measured {points}')


def runs_tflite(path: str) -> None:
  """Runs a TFLite model on an image; its scores must be numbers."""
  image = np.random.RandomState(0).randint(0, 256, [64, 96, 3], np.uint8)
  found = loaders.load_detector(path).detect(image)
  if not np.all(np.isfinite(found.scores)):
    raise forking.Failed('the scores are not finite')


def _masks(tensors: dict) -> dict:
  shapes = {name: array.shape for name, array in tensors.items()}
  pairs = kernels.kernels_with_masks(shapes)
  if not pairs:
    raise forking.Failed('the checkpoint has no masks')
  return {name: tensors[mask] for name, mask in pairs.items()}
