"""How the TFLite model of an SSD turns raw predictions into detections."""

from typing import Any, Dict, NamedTuple, Optional

from object_detection_pruning.common import checks, errors


class PostProcessing(NamedTuple):
  """The choices of stock `export_tflite_ssd_graph`.

  Attributes:
    add_op: ends the model in TFLite's detection op; else in the encoded boxes
      and the scores of all anchors.
    max_detections: in an image; None for what the config says.
    use_regular_nms: suppresses boxes class by class, as the exported graph
      does; else all boxes at once, which is faster where there are many
      classes.
    detections_per_class: boxes that class by class are looked at in each
      class; None for what the config says.
    max_classes_per_detection: classes that all at once are given for a box.
  """

  add_op: bool = True
  max_detections: Optional[int] = None
  use_regular_nms: bool = True
  detections_per_class: Optional[int] = None
  max_classes_per_detection: int = 1

  def check(self, ssd) -> None:
    """Checks the choices.

    Args:
      ssd: the `ssd` message of the model.

    Raises:
      InputError: one is out of range, or means nothing with the others.
    """
    checks.count('max_classes_per_detection', self.max_classes_per_detection)
    for name in ('max_detections', 'detections_per_class'):
      if getattr(self, name) is not None:
        checks.count(name, getattr(self, name))
    if self.add_op:
      self._check_suppression(ssd.post_processing.batch_non_max_suppression)
    else:
      self._check_left_alone()
    if self.use_regular_nms and self.max_classes_per_detection > 1:
      raise errors.InputError(
        'max_classes_per_detection means something where all boxes are '
        'suppressed at once only, so it needs --nouse_regular_nms'
      )
    if not self.use_regular_nms and self.detections_per_class is not None:
      raise errors.InputError(
        'detections_per_class means nothing where all boxes are suppressed at '
        'once, so it does not go with --nouse_regular_nms'
      )
    if self.max_classes_per_detection > ssd.num_classes:
      raise errors.InputError(
        f'max_classes_per_detection must be {ssd.num_classes} at most, the '
        f'classes of the model, got {self.max_classes_per_detection}'
      )

  def _check_suppression(self, nms) -> None:
    if nms.soft_nms_sigma:
      raise errors.InputError(
        'the detection op knows no soft suppression, and the config has '
        f'soft_nms_sigma: {nms.soft_nms_sigma:g}; --noadd_postprocessing_op '
        'leaves it to the program that runs the model'
      )
    if nms.use_class_agnostic_nms and self.use_regular_nms:
      raise errors.InputError(
        'the config suppresses all boxes at once (use_class_agnostic_nms), so '
        'it needs --nouse_regular_nms'
      )

  def _check_left_alone(self) -> None:
    for name in self._fields[1:]:
      if getattr(self, name) != getattr(DEFAULT, name):
        raise errors.InputError(
          f'{name} is a setting of the detection op, and with '
          '--noadd_postprocessing_op there is none'
        )

  def limit(self, ssd) -> int:
    """Gives the number of detections that are meant."""
    nms = ssd.post_processing.batch_non_max_suppression
    boxes = self.max_detections or nms.max_total_detections
    return boxes * self.max_classes_per_detection

  def stock_arguments(self, ssd) -> Dict[str, Any]:
    """Gives what stock `export_tflite_graph` is to be told."""
    nms = ssd.post_processing.batch_non_max_suppression
    slots = self.max_detections or nms.max_total_detections
    per_class = self.detections_per_class or min(
      slots, nms.max_detections_per_class
    )
    if self.use_regular_nms:
      # Class by class, the op of TensorFlow 1.14 writes beyond its memory once
      # it has more candidates than it may give out; so it may give out all.
      slots = per_class * ssd.num_classes
    return {
      'add_postprocessing_op': self.add_op,
      'max_detections': slots,
      'max_classes_per_detection': self.max_classes_per_detection,
      'detections_per_class': per_class,
      'use_regular_nms': self.use_regular_nms,
    }


DEFAULT = PostProcessing()
