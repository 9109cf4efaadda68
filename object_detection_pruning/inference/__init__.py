"""Runs exported detectors on images and draws what they find."""

from object_detection_pruning.inference.detections import Detections
from object_detection_pruning.inference.detector import Detector
from object_detection_pruning.inference.drawing import draw
from object_detection_pruning.inference.loaders import load_detector

__all__ = ['Detections', 'Detector', 'draw', 'load_detector']
