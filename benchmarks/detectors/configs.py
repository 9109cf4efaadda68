"""Small pipeline configs, one for each feature extractor of the stock API.

The networks are whole; images, heads and numbers of boxes are small.
"""

import re
from typing import NamedTuple

NUM_CLASSES = 4
SPARSITY = 0.7
# Types that are more than the others, or less, and the sides of their images.
_SIZES = (
  ('embedded', 256),
  # It wants whole cells in each map.
  ('mnasfpn', 192),
  ('fpn|ppn', 160),
  ('inception_v3|spaghetti', 128),
)
_HYPER = """
  regularizer { l2_regularizer { weight: 0.0001 } }
  initializer { truncated_normal_initializer { stddev: 0.05 } }
"""
_NORMED = (
  f'conv_hyperparams {{ activation: RELU_6 {_HYPER} '
  'batch_norm { decay: 0.9 train: true scale: true epsilon: 0.001 } }'
)
_SSD = """ssd {
  num_classes: %(classes)d
  image_resizer { fixed_shape_resizer { height: %(size)d width: %(size)d } }
  feature_extractor { type: "%(type)s" %(extractor)s %(normed)s }
  box_coder { faster_rcnn_box_coder { } }
  matcher { argmax_matcher { force_match_for_each_row: true } }
  similarity_calculator { iou_similarity { } }
  encode_background_as_zeros: true
  anchor_generator { %(anchors)s }
  box_predictor { %(predictor)s }
  loss {
    classification_loss { weighted_sigmoid { } }
    localization_loss { weighted_smooth_l1 { } }
    classification_weight: 1.0 localization_weight: 1.0
  }
  normalize_loss_by_num_matches: true
  post_processing {
    batch_non_max_suppression {
      score_threshold: 1e-8 iou_threshold: 0.6
      max_detections_per_class: 10 max_total_detections: 20
    }
    score_converter: SIGMOID
  }
}"""
_FASTER_RCNN = """faster_rcnn {
  num_classes: %(classes)d
  number_of_stages: %(stages)d
  image_resizer { fixed_shape_resizer { height: %(size)d width: %(size)d } }
  feature_extractor { type: "%(type)s" first_stage_features_stride: 16 }
  first_stage_anchor_generator {
    grid_anchor_generator {
      scales: 0.1 scales: 0.25 aspect_ratios: 1.0
      height_stride: 16 width_stride: 16
    }
  }
  first_stage_box_predictor_conv_hyperparams { op: CONV %(hyper)s }
  first_stage_box_predictor_depth: 64
  first_stage_minibatch_size: 16
  first_stage_nms_score_threshold: 0.0
  first_stage_nms_iou_threshold: 0.7
  first_stage_max_proposals: 8
  first_stage_localization_loss_weight: 2.0
  first_stage_objectness_loss_weight: 1.0
  initial_crop_size: 8 maxpool_kernel_size: 2 maxpool_stride: 2
  second_stage_batch_size: 8
  second_stage_box_predictor { %(predictor)s }
  second_stage_post_processing {
    batch_non_max_suppression {
      score_threshold: 0.0 iou_threshold: 0.6
      max_detections_per_class: 4 max_total_detections: 8
    }
    score_converter: SOFTMAX
  }
  second_stage_localization_loss_weight: 2.0
  second_stage_classification_loss_weight: 1.0
  %(mask_loss)s
}"""
_MASK_HEAD = f"""predict_instance_masks: true
  mask_height: 8 mask_width: 8 mask_prediction_conv_depth: 32
  mask_prediction_num_conv_layers: 2
  conv_hyperparams {{ op: CONV {_HYPER} }}"""
_RFCN_HEAD = f"""rfcn_box_predictor {{
  conv_hyperparams {{ op: CONV {_HYPER} }}
  crop_height: 12 crop_width: 12 num_spatial_bins_height: 3
  num_spatial_bins_width: 3 depth: 64
}}"""
_TRAINING = """
train_config {
  batch_size: 1 num_steps: 1
  optimizer {
    momentum_optimizer {
      learning_rate { constant_learning_rate { learning_rate: 0.001 } }
      momentum_optimizer_value: 0.9
    }
    use_moving_average: false
  }
}
train_input_reader {
  label_map_path: "%(label_map)s" load_instance_masks: %(masks)s
  mask_type: PNG_MASKS num_readers: 1 shuffle_buffer_size: 4
  tf_record_input_reader { input_path: "%(train)s" }
}
eval_config { metrics_set: "coco_detection_metrics" num_examples: 1 }
eval_input_reader {
  label_map_path: "%(label_map)s" load_instance_masks: %(masks)s
  mask_type: PNG_MASKS shuffle: false num_readers: 1
  tf_record_input_reader { input_path: "%(val)s" }
}
[object_detection_pruning.protos.pruning] {
  schedule: CONSTANT target_sparsity: %(sparsity)s
  start_step: 0 end_step: 1 frequency: 1
  include: "" mask_depthwise: true
}
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
    'classes': NUM_CLASSES,
    'size': image_size(entry),
    'type': entry.extractor,
    'hyper': _HYPER,
    'normed': _NORMED,
  }
  if entry.is_ssd:
    values.update(
      extractor=_extractor_fields(entry),
      anchors=_anchors(entry),
      predictor=_ssd_predictor(entry),
    )
    return f'model {{ {_SSD % values} }}'
  masks = entry.head == 'mask'
  predictor = f"""mask_rcnn_box_predictor {{
    use_dropout: false fc_hyperparams {{ op: FC {_HYPER} }}
    {_MASK_HEAD if masks else ''}
  }}"""
  values.update(
    stages=3 if masks else 2,
    predictor=_RFCN_HEAD if entry.head == 'rfcn' else predictor,
    mask_loss='second_stage_mask_prediction_loss_weight: 4.0' if masks else '',
  )
  return f'model {{ {_FASTER_RCNN % values} }}'


def pipeline(entry: Entry, train: str, val: str, label_map: str) -> str:
  """Gives a whole pipeline config.

  Args:
    entry: the detector.
    train: TFRecord file to train on.
    val: TFRecord file to evaluate on.
    label_map: of both.
  """
  return model(entry) + _TRAINING % {
    'train': train,
    'val': val,
    'label_map': label_map,
    'masks': 'true' if entry.head == 'mask' else 'false',
    'sparsity': SPARSITY,
  }


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
  more = f'use_depthwise: {"true" if depthwise else "false"} {_NORMED}'
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
