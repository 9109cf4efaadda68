"""Runs a graph on images; in a file of its own, for another process."""

from object_detection_pruning.common import sessions
from object_detection_pruning.sparse_ops import library


def detect(graph_def, images, outputs):
  """Gives the outputs for each image, on the threads that the process has."""
  library.load()
  with sessions.open_session(graph_def) as session:
    return [
      session.run(
        [name + ':0' for name in outputs], {'image_tensor:0': image[None]}
      )
      for image in images
    ]
