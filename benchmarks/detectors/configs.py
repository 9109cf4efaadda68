"""Small pipeline configs, one for each feature extractor of the stock API.

The networks are whole; images, heads and numbers of boxes are small.
"""

import re
from typing import NamedTuple

import detectors
from object_detection.protos import pipeline_pb2

from object_detection_pruning.dataset_tools import detection_data

SPARSITY = 0.7
# Types that are more than the others, or less, and the sides of their images.
_SIZES = (
  ('embedded', 256),
  # It wants whole cells in each map.
  ('mnasfpn', 192),
  ('fpn|ppn', 160),
  ('inception_v3|spaghetti', 128),
)
_PRUNING = f"""
  schedule: CONSTANT target_sparsity: {SPARSITY}
  start_step: 0 end_step: 1 frequency: 1
  include: "" mask_depthwise: true
"""


class Entry(NamedTuple):
  """A detector to check.

  Attributes:
    name: as the table has it.
    group: the stock class map that the extractor is in, or VARIANTS.
    extractor: the stock feature extractor's type.
    head: what is special in it: '', 'ssdlite', 'rfcn' or 'mask'.
  """

  name: str
  group: str
  extractor: str
  head: str = ''

  @property
  def is_ssd(self) -> bool:
    return 'ssd' in self.extractor

  @property
  def has_known_shapes(self) -> bool:
    """Whether the stock code builds it for a known number of images only."""
    return 'spaghetti' in self.extractor


VARIANTS = 'variants'
# Heads that need no extractor of their own.
OTHER_HEADS = (
  Entry('SSDLite on ssd_mobilenet_v2', VARIANTS, 'ssd_mobilenet_v2', 'ssdlite'),
  Entry('R-FCN on ResNet-50', VARIANTS, 'faster_rcnn_resnet50', 'rfcn'),
  Entry(
    'Mask R-CNN on Inception V2', VARIANTS, 'faster_rcnn_inception_v2', 'mask'
  ),
)


def image_size(entry: Entry) -> int:
  """Gives the side of the images that a detector is fed."""
  for pattern, size in _SIZES:
    if re.search(pattern, entry.extractor):
      return size
  return 96


def model(entry: Entry) -> str:
  """Gives the `model` message of a detector."""
  values = {
    'classes': detectors.NUM_CLASSES,
    'resizer': detectors.resizer(image_size(entry)),
    'type': entry.extractor,
    'hyper': detectors.HYPERPARAMS,
    'hyperparams': detectors.conv_hyperparams(),
  }
  if entry.is_ssd:
    values.update(
      extractor=_extractor_fields(entry),
      anchors=_anchors(entry),
      predictor=_ssd_predictor(entry),
    )
    return f'model {{ {detectors.SSD % values} }}'
  masks = entry.head == 'mask'
  predictor = detectors.mask_rcnn_predictor(masks)
  values.update(
    stages=3 if masks else 2,
    predictor=detectors.RFCN_PREDICTOR if entry.head == 'rfcn' else predictor,
    mask_loss='second_stage_mask_prediction_loss_weight: 4.0' if masks else '',
  )
  return f'model {{ {detectors.FASTER_RCNN % values} }}'


def pipeline(
  entry: Entry, data: detection_data.DetectionData
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Gives a whole pipeline config.

  Args:
    entry: the detector.
    data: to train and to evaluate on.
  """
  config = detectors.config(
    model(entry),
    data,
    batch_size=1,
    num_steps=1,
    learning_rate=0.001,
    pruning=_PRUNING,
  )
  if not entry.is_ssd:
    config.model.faster_rcnn.feature_extractor.batch_norm_trainable = True
  return config


def _extractor_fields(entry: Entry) -> str:
  kind = entry.extractor
  # Only MobileNets can be narrow; MnasFPN and MobileDet have their own idea.
  is_narrow = 'mobilenet' in kind and 'mnas' not in kind
  fields = f'depth_multiplier: {0.25 if is_narrow else 1.0} min_depth: 8'
  # ResNet and Inception SSDs refuse to be built without.
  fields += ' override_base_feature_extractor_hyperparams: true'
  if 'fpn' in kind and 'mnas' not in kind:
    fields += ' fpn { min_level: 3 max_level: 7 additional_layer_depth: 64 }'
  if 'spaghetti' in kind:
    fields += ' spaghettinet_arch_name: "spaghettinet_edgetpu_s"'
  if entry.head == 'ssdlite':
    fields += ' use_depthwise: true'
  return fields


def _anchors(entry: Entry) -> str:
  if 'fpn' in entry.extractor:
    highest = 6 if 'mnas' in entry.extractor else 7
    return (
      f'multiscale_anchor_generator {{ min_level: 3 max_level: {highest} '
      'anchor_scale: 4.0 aspect_ratios: 1.0 scales_per_octave: 1 }'
    )
  layers = 5 if re.search('embedded|spaghetti', entry.extractor) else 6
  return (
    f'ssd_anchor_generator {{ num_layers: {layers} min_scale: 0.2 '
    'max_scale: 0.9 aspect_ratios: 1.0 reduce_boxes_in_lowest_layer: false }'
  )


def _ssd_predictor(entry: Entry) -> str:
  depthwise = 'mnas' in entry.extractor or entry.head == 'ssdlite'
  more = f'use_depthwise: {"true" if depthwise else "false"} '
  more += detectors.conv_hyperparams()
  if re.search('fpn|ppn', entry.extractor):
    return (
      'weight_shared_convolutional_box_predictor { depth: 64 kernel_size: 3 '
      f'num_layers_before_predictor: 1 {more} }}'
    )
  size = 3 if depthwise else 1
  return (
    f'convolutional_box_predictor {{ kernel_size: {size} use_dropout: false '
    f'class_prediction_bias_init: -2.0 {more} }}'
  )
