"""SSD MobileNet V1 feature extractor with a mask on every dense kernel."""

from typing import List

import tensorflow.compat.v1 as tf
from object_detection.models import ssd_mobilenet_v1_feature_extractor as stock

from object_detection_pruning.core import masking


class SSDMaskedMobileNetV1FeatureExtractor(
  stock.SSDMobileNetV1FeatureExtractor
):
  """The stock MobileNet V1 extractor, its extra layers masked as well."""

  def extract_features(self, preprocessed_inputs: tf.Tensor) -> List[tf.Tensor]:
    with masking.masking_scope():
      return super().extract_features(preprocessed_inputs)
