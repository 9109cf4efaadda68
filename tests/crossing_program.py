"""Runs exported graphs on an image, for tests that compare two stacks.

Takes a folder with exported graphs, a .npy of images and where to write the
outputs (.npz): `KIND/OUTPUT` for each kind of graph.
"""

import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

import object_detection_pruning as odp

OUTPUTS = ('detection_boxes', 'detection_scores', 'num_detections')

folder, images, written = sys.argv[1:]


def frozen():
  # As anybody does it, with nothing of this project.
  graph_def = tf.GraphDef()
  with open(os.path.join(folder, 'frozen_inference_graph.pb'), 'rb') as file:
    graph_def.ParseFromString(file.read())
  graph = tf.Graph()
  with graph.as_default():
    tf.import_graph_def(graph_def, name='')
  return tf.Session(graph=graph)


def saved_model():
  session = tf.Session(graph=tf.Graph())
  tf.saved_model.load(session, ['serve'], os.path.join(folder, 'saved_model'))
  return session


def sparse():
  path = os.path.join(folder, 'sparse_inference_graph.pb')
  return tf.Session(graph=odp.load_sparse_graph(path))


found = {}
for kind in (frozen, saved_model, sparse):
  with kind() as session:
    values = session.run(
      [name + ':0' for name in OUTPUTS], {'image_tensor:0': np.load(images)}
    )
  for name, value in zip(OUTPUTS, values):
    found[f'{kind.__name__}/{name}'] = value
np.savez(written, **found)
