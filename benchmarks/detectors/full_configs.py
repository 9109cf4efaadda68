"""Pipeline configs of full size, one for each feature extractor.

Networks are as wide, images as large and boxes as many as in the stock sample
config of a detector, or of the one most like it where it has none.
"""

import re
from typing import NamedTuple

from object_detection.protos import (
  anchor_generator_pb2,
  box_predictor_pb2,
  faster_rcnn_pb2,
  image_resizer_pb2,
  pipeline_pb2,
  ssd_pb2,
)

import configs
from object_detection_pruning.dataset_tools import detection_data

NUM_CLASSES = 90
# SSDs whose heads are depthwise ones.
_LITE = 'mobiledet|mobilenet_v3|edgetpu|spaghetti|mnas'
# Faster R-CNNs whose second stage is of reduced cells, on whole crops.
_NAS = 'faster_rcnn_p?nas$'


class Size(NamedTuple):
  """The size of what a detector is fed."""

  height: int
  width: int

  def __str__(self) -> str:
    return f'{self.height} x {self.width}'


# Types, and what they are fed; the first one that fits.
_SIZES = (
  (_NAS, Size(1200, 1200)),
  ('faster_rcnn', Size(600, 1024)),
  ('embedded', Size(256, 256)),
  (_LITE, Size(320, 320)),
  ('fpn', Size(640, 640)),
  ('', Size(300, 300)),
)


def image_size(entry: configs.Entry) -> Size:
  """Gives the size to which the resizer of a detector brings a wide image."""
  if entry.head == 'mask':
    return Size(800, 1365)
  return next(
    size for pattern, size in _SIZES if re.search(pattern, entry.extractor)
  )


def pipeline(
  entry: configs.Entry, data: detection_data.DetectionData
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Gives a whole pipeline config: a small one with all sizes set.

  Args:
    entry: the detector.
    data: to train on.
  """
  config = configs.pipeline(entry, data)
  if entry.is_ssd:
    _enlarge_ssd(entry, config.model.ssd)
  else:
    _enlarge_faster_rcnn(entry, config.model.faster_rcnn)
  return config


def _set_resizer(
  entry: configs.Entry, resizer: image_resizer_pb2.ImageResizer
) -> None:
  size = image_size(entry)
  if size.height == size.width:
    resizer.fixed_shape_resizer.height = size.height
    resizer.fixed_shape_resizer.width = size.width
  else:
    resizer.keep_aspect_ratio_resizer.min_dimension = size.height
    resizer.keep_aspect_ratio_resizer.max_dimension = size.width


def _enlarge_ssd(entry: configs.Entry, ssd: ssd_pb2.Ssd) -> None:
  ssd.num_classes = NUM_CLASSES
  _set_resizer(entry, ssd.image_resizer)
  extractor = ssd.feature_extractor
  extractor.depth_multiplier = 1.0
  extractor.min_depth = 16
  if _is_lite(entry) and 'mnas' not in entry.extractor:
    extractor.use_depthwise = True
  if extractor.HasField('fpn'):
    extractor.fpn.ClearField('additional_layer_depth')
  if 'spaghetti' in entry.extractor:
    extractor.spaghettinet_arch_name = 'spaghettinet_edgetpu_l'
  _enlarge_anchors(entry, ssd.anchor_generator)
  _enlarge_ssd_predictor(entry, ssd.box_predictor)


def _enlarge_anchors(
  entry: configs.Entry, anchors: anchor_generator_pb2.AnchorGenerator
) -> None:
  if anchors.HasField('multiscale_anchor_generator'):
    per_level = anchors.multiscale_anchor_generator
    per_level.aspect_ratios[:] = [1.0, 2.0, 0.5]
    per_level.scales_per_octave = 3 if 'mnas' in entry.extractor else 2
    return
  per_map = anchors.ssd_anchor_generator
  per_map.aspect_ratios[:] = [1.0, 2.0, 0.5, 3.0, 0.3333]
  per_map.reduce_boxes_in_lowest_layer = 'ppn' not in entry.extractor


def _enlarge_ssd_predictor(
  entry: configs.Entry, predictor: box_predictor_pb2.BoxPredictor
) -> None:
  if predictor.HasField('weight_shared_convolutional_box_predictor'):
    shared = predictor.weight_shared_convolutional_box_predictor
    is_ppn, is_mnas = (kind in entry.extractor for kind in ('ppn', 'mnas'))
    shared.depth = 512 if is_ppn else 64 if is_mnas else 256
    shared.num_layers_before_predictor = 1 if is_ppn else 4
    shared.kernel_size = 1 if is_ppn else 3
    return
  own = predictor.convolutional_box_predictor
  own.use_depthwise = _is_lite(entry)
  is_wide = own.use_depthwise or 'inception' in entry.extractor
  own.kernel_size = 3 if is_wide else 1


def _enlarge_faster_rcnn(
  entry: configs.Entry, rcnn: faster_rcnn_pb2.FasterRcnn
) -> None:
  is_nas = re.search(_NAS, entry.extractor) is not None
  is_dense = 'inception_resnet' in entry.extractor
  rcnn.num_classes = NUM_CLASSES
  _set_resizer(entry, rcnn.image_resizer)
  stride = 8 if is_dense else 16
  rcnn.feature_extractor.first_stage_features_stride = stride
  rcnn.first_stage_atrous_rate = 2 if is_dense else 1
  grid = rcnn.first_stage_anchor_generator.grid_anchor_generator
  grid.scales[:] = [0.25, 0.5, 1.0, 2.0]
  grid.aspect_ratios[:] = [0.5, 1.0, 2.0]
  grid.height_stride = grid.width_stride = stride
  # Sample configs leave these to the stock defaults.
  rcnn.ClearField('first_stage_box_predictor_depth')
  rcnn.ClearField('first_stage_minibatch_size')
  rcnn.ClearField('second_stage_batch_size')
  rcnn.first_stage_max_proposals = 300
  if is_nas:
    rcnn.first_stage_max_proposals = 50
    rcnn.second_stage_batch_size = 49
  whole_crops = is_nas or is_dense
  rcnn.initial_crop_size = 17 if whole_crops else 14
  rcnn.maxpool_kernel_size = rcnn.maxpool_stride = 1 if whole_crops else 2
  _enlarge_second_stage(entry, rcnn.second_stage_box_predictor)


def _enlarge_second_stage(
  entry: configs.Entry, predictor: box_predictor_pb2.BoxPredictor
) -> None:
  if entry.head == 'rfcn':
    rfcn = predictor.rfcn_box_predictor
    rfcn.crop_height = rfcn.crop_width = 18
    rfcn.ClearField('depth')
  elif entry.head == 'mask':
    masks = predictor.mask_rcnn_box_predictor
    masks.mask_height = masks.mask_width = 15
    # Zero is the stock code's word for what fits the number of classes.
    masks.mask_prediction_conv_depth = 0


def _is_lite(entry: configs.Entry) -> bool:
  is_lite = re.search(_LITE, entry.extractor) is not None
  return is_lite or entry.head == 'ssdlite'
