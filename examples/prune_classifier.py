"""Prunes a classifier that has nothing to do with object detection.

    python examples/prune_classifier.py OUTPUT_DIR [--steps 300]

A MobileNet of slim learns to tell shapes. Then it is pruned in two ways: by
single weights, for the sparse ops, and by whole channels. Only the names of
this library that docs/python_api.md calls public are used.
"""

import argparse
import os

import numpy as np
import tensorflow.compat.v1 as tf
from PIL import Image

import object_detection_pruning as odp  # Before any network: it checks TF.
from object_detection_pruning.channels import planning
from object_detection_pruning.dataset_tools import shapes

from nets import mobilenet_v1  # isort: skip

SIZE, BATCH = 64, 32
SPARSITY, CHANNELS = 0.9, 0.5


def pictures(seed, scenes):
  """Cuts shapes out of drawn scenes; gives floats in [-1, 1] and labels."""
  images, labels = [], []
  for number in range(scenes):
    scene = shapes.generate(seed, number)
    for label, mask in zip(scene.labels, scene.masks):
      rows, columns = np.where(mask.any(1))[0], np.where(mask.any(0))[0]
      crop = scene.image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
      images.append(np.array(Image.fromarray(crop).resize((SIZE, SIZE))))
      labels.append(label)
  return np.array(images, np.float32) / 127.5 - 1, np.array(labels, np.int32)


def classify(images, training=False):
  """Builds the network; gives its logits."""
  # The decay fits some hundred steps; that of slim is for a hundred thousand.
  with mobilenet_v1.slim.arg_scope(
    mobilenet_v1.mobilenet_v1_arg_scope(training, batch_norm_decay=0.9)
  ):
    logits, _ = mobilenet_v1.mobilenet_v1(
      images, len(shapes.CLASSES), is_training=training, depth_multiplier=0.25
    )
  return logits


def train(folder, data, steps, start=None, widths=(), target=None):
  """Trains a network, prunes it if there is a target; gives its variables.

  Args:
    folder: for its checkpoints.
    data: images and labels.
    steps: to train for.
    start: variables by name to start from.
    widths: of its layers, where they are not those of the code.
    target: share of zeros to reach.
  """

  def model_fn(features, labels, mode):
    build = odp.masked(classify, exclude=['Logits']) if target else classify
    with odp.width_scope(widths):
      logits = build(features, training=True)
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    with tf.control_dependencies(updates):
      train_op = tf.train.AdamOptimizer(0.002).minimize(
        loss, tf.train.get_global_step()
      )
    hooks = []
    if target:
      hooks.append(
        odp.ModelPruningHook(
          target_sparsity=target,
          start_step=0,
          end_step=steps // 2,
          frequency=max(1, steps // 20),
        )
      )
    return tf.estimator.EstimatorSpec(
      mode,
      loss=loss,
      train_op=train_op,
      training_hooks=hooks,
      scaffold=tf.train.Scaffold(init_fn=load_function(start or {})),
    )

  def input_fn():
    dataset = tf.data.Dataset.from_tensor_slices(data)
    return dataset.shuffle(len(data[1]), seed=0).repeat().batch(BATCH)

  estimator = tf.estimator.Estimator(
    model_fn, folder, tf.estimator.RunConfig(tf_random_seed=0)
  )
  estimator.train(input_fn, max_steps=steps)
  return {
    name: estimator.get_variable_value(name)
    for name in estimator.get_variable_names()
  }


def load_function(tensors):
  """Gives an `init_fn` that sets the variables that `tensors` has."""
  variables = [v for v in tf.model_variables() if v.op.name in tensors]

  def load(_, session):
    for variable in variables:
      variable.load(tensors[variable.op.name], session)

  return load


def freeze(tensors, path, widths=()):
  """Writes a frozen graph of the network; gives it and its logits' name."""
  with tf.Graph().as_default() as graph, tf.Session() as session:
    images = tf.placeholder(tf.float32, [None, SIZE, SIZE, 3], 'images')
    with odp.width_scope(widths):
      name = classify(images).op.name
    load_function(tensors)(None, session)
    frozen = tf.graph_util.convert_variables_to_constants(
      session, graph.as_graph_def(), [name]
    )
  with open(path, 'wb') as file:
    file.write(frozen.SerializeToString())
  return frozen, name


def accuracy(frozen, name, data):
  """The share of pictures that a frozen graph tells right."""
  with tf.Graph().as_default() as graph:
    tf.import_graph_def(frozen, name='')
    with tf.Session(graph=graph) as session:
      logits = session.run(name + ':0', {'images:0': data[0]})
  return float((logits.argmax(1) == data[1]).mean())


def plan(tensors):
  """Plans which channels of the network go."""
  with tf.Graph().as_default():
    logits = classify(tf.placeholder(tf.float32, [1, SIZE, SIZE, 3]))
    return planning.plan_channels([logits], tensors, CHANNELS)


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument('output_dir')
  parser.add_argument('--steps', type=int, default=300)
  arguments = parser.parse_args()
  folder, steps = arguments.output_dir, arguments.steps
  data, unseen = pictures(0, 200), pictures(1, 100)

  def finish(kind, tensors, widths=()):
    path = os.path.join(folder, f'{kind}.pb')
    kept = odp.strip_masks(tensors).tensors
    frozen, name = freeze(kept, path, widths)
    right = accuracy(frozen, name, unseen)
    print(f'{kind}: {right:.1%} right, {os.path.getsize(path) / 1e6:.2f} MB')
    return path

  dense = train(os.path.join(folder, 'dense'), data, steps)
  finish('dense', dense)
  # The others learn for as long again, so the dense one does as well.
  finish('control', train(os.path.join(folder, 'control'), data, steps, dense))
  sparse = train(
    os.path.join(folder, 'sparse'), data, steps, dense, target=SPARSITY
  )
  path = finish('sparse', sparse)
  print(odp.export_sparse_graph(path, path[:-3] + '_ops.pb', overwrite=True))
  narrowing = plan(dense)
  print(narrowing)
  widths = narrowing.layer_widths()
  narrow = train(
    os.path.join(folder, 'narrow'),
    data,
    steps,
    planning.narrow(dense, narrowing),
    widths,
  )
  finish('narrow', narrow, widths)


if __name__ == '__main__':
  main()
