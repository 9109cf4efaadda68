"""The stock suppression as a graph, and random boxes and scores for it."""

import numpy as np
import tensorflow.compat.v1 as tf
from object_detection.core import post_processing

FIELD_SIZE = 3
OUTPUTS = ['boxes', 'scores', 'classes', 'count', 'field']


def graph_def(classes=3, box_classes=1, background=0, frame=True, **changes):
  """Builds the stock suppression; its inputs are those of `random_feeds`.

  Args:
    classes: how many are suppressed.
    box_classes: how many have boxes of their own, or 1.
    background: columns of scores in front of those of classes.
    frame: whether boxes become relative to the window.
    **changes: other arguments of the stock function.
  """
  with tf.Graph().as_default() as graph:
    boxes = tf.placeholder(tf.float32, [None, None, box_classes, 4], 'in_boxes')
    all_scores = tf.placeholder(
      tf.float32, [None, None, background + classes], 'in_scores'
    )
    scores = all_scores
    if background:
      scores = tf.slice(all_scores, [0, 0, background], [-1, -1, -1])
    window = tf.placeholder(tf.float32, [None, 4], 'in_window')
    field = tf.placeholder(tf.float32, [None, None, FIELD_SIZE], 'in_field')
    count = tf.placeholder(tf.int32, [None], 'in_count')
    given = {
      'score_thresh': 1e-8,
      'iou_thresh': 0.6,
      'max_size_per_class': 10,
      'max_total_size': 20,
      'clip_window': window,
      'change_coordinate_frame': frame,
      'num_valid_boxes': count,
      'additional_fields': {'field': field},
    }
    given.update(changes)
    result = post_processing.batch_multiclass_non_max_suppression(
      boxes, scores, **given
    )
    tensors = [result[0], result[1], result[2], result[5]]
    if result[4]:
      tensors.append(result[4]['field'])
    names = OUTPUTS[: len(tensors)]
    for name, tensor in zip(names, tensors):
      tf.identity(tensor, name)
    # As freezing does, without what nobody needs.
    return tf.graph_util.extract_sub_graph(graph.as_graph_def(), names)


def random_feeds(random, columns=3, box_classes=1, images=2, rows=60):
  """Boxes that overlap, and scores of which some are the same."""
  middle = random.uniform(-0.2, 1.2, (images, rows, box_classes, 2))
  half = random.uniform(0, 0.3, (images, rows, box_classes, 2)) / 2
  boxes = np.concatenate([middle - half, middle + half], -1)
  scores = random.uniform(0, 1, (images, rows, columns)) ** 2
  if random.randint(2):
    boxes = np.round(boxes * 5) / 5
  if random.randint(2):
    scores = np.round(scores * random.choice([3, 10])) / 10
  window = [[0, 0, 1, random.uniform(0.5, 1)]] * images
  counts = random.choice([0, rows // 2, rows], images)
  return {
    'in_boxes:0': boxes.astype(np.float32),
    'in_scores:0': scores.astype(np.float32),
    'in_window:0': np.asarray(window, np.float32).reshape(images, 4),
    'in_field:0': random.normal(size=(images, rows, FIELD_SIZE)),
    'in_count:0': counts,
  }


def run(graph, all_feeds):
  """The outputs for each of some inputs."""
  names = {node.name for node in graph.node}
  fetches = [name + ':0' for name in OUTPUTS if name in names]
  with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(graph, name='')
    return [
      session.run(
        fetches,
        # A graph that takes no other values has no input for them.
        {key: value for key, value in feeds.items() if key[:-2] in names},
      )
      for feeds in all_feeds
    ]
