"""Faster R-CNN and Mask R-CNN feature extractor with a mask on every kernel."""

from typing import Dict, Tuple

import tensorflow.compat.v1 as tf
from object_detection.models import (
  faster_rcnn_inception_v2_feature_extractor as stock,
)

from object_detection_pruning.core import masking


class FasterRCNNMaskedInceptionV2FeatureExtractor(
  stock.FasterRCNNInceptionV2FeatureExtractor
):
  """The stock Inception V2 extractor, both stages masked."""

  def _extract_proposal_features(
    self, preprocessed_inputs: tf.Tensor, scope: str
  ) -> Tuple[tf.Tensor, Dict[str, tf.Tensor]]:
    with masking.masking_scope():
      return super()._extract_proposal_features(preprocessed_inputs, scope)

  def _extract_box_classifier_features(
    self, proposal_feature_maps: tf.Tensor, scope: str
  ) -> tf.Tensor:
    with masking.masking_scope():
      return super()._extract_box_classifier_features(
        proposal_feature_maps, scope
      )
