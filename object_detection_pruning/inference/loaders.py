"""Loads a detector, whatever kind of model file it is in."""

from typing import Callable, Dict, Optional

from object_detection_pruning.inference import (
  frozen_graph,
  model_files,
  saved_model,
  tflite_detector,
)
from object_detection_pruning.inference.detector import Detector

_LOADERS: Dict[str, Callable[[str, Optional[int]], Detector]] = {
  model_files.FROZEN_GRAPH: frozen_graph.load,
  model_files.SPARSE_GRAPH: frozen_graph.load,
  model_files.SAVED_MODEL: saved_model.load,
  model_files.TFLITE: tflite_detector.load,
}


def load_detector(path: str, threads: Optional[int] = None) -> Detector:
  """Loads an exported detector.

  Args:
    path: a frozen graph, plain or sparse, the folder of a SavedModel, or a
      `.tflite` file.
    threads: to run it with; None for as many as TensorFlow takes by itself.

  Returns:
    The detector, ready to run.

  Raises:
    errors.InputError: there is no such model, or it is no detector.
  """
  return _LOADERS[model_files.kind_of(path)](path, threads)
