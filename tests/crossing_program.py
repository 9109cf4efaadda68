"""Runs a frozen graph on an image, for tests that compare two stacks.

Takes a frozen graph, a .npy of images and where to write the outputs (.npz).
"""

import sys

import numpy as np
import tensorflow.compat.v1 as tf

graph, images, outputs = sys.argv[1:]
graph_def = tf.GraphDef()
with open(graph, 'rb') as file:
  graph_def.ParseFromString(file.read())
names = ('detection_boxes', 'detection_scores', 'num_detections')
with tf.Graph().as_default(), tf.Session() as session:
  tf.import_graph_def(graph_def, name='')
  values = session.run(
    [name + ':0' for name in names], {'image_tensor:0': np.load(images)}
  )
np.savez(outputs, **dict(zip(names, values)))
