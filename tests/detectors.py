"""Pipeline configs of small detectors, and records to run them on.

The detectors are stock ones, made cheap: small images, few anchors, few
proposals. `masked=True` names the masked feature extractor instead.
"""

import os
from typing import Optional

import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.dataset_tools import detection_data

NUM_CLASSES = 4
IMAGE_SIZE = 96
_BATCH_SHAPE = [2, IMAGE_SIZE, IMAGE_SIZE, 3]

HYPERPARAMS = """
  regularizer { l2_regularizer { weight: 0.0001 } }
  initializer { truncated_normal_initializer { stddev: 0.05 } }
"""

_SSD_ANCHORS = """ssd_anchor_generator {
  num_layers: 6 min_scale: 0.2 max_scale: 0.9 aspect_ratios: 1.0
}"""
_FPN_ANCHORS = """multiscale_anchor_generator {
  min_level: 3 max_level: 7 anchor_scale: 4.0
  aspect_ratios: 1.0 scales_per_octave: 1
}"""
_SSD_PREDICTOR = """convolutional_box_predictor {
  kernel_size: 1 use_dropout: false class_prediction_bias_init: -2.0 %s
}"""
_FPN_PREDICTOR = """weight_shared_convolutional_box_predictor {
  depth: 256 num_layers_before_predictor: 4 kernel_size: 3 %s
}"""

SSD = """ssd {
  num_classes: %(classes)d
  %(resizer)s
  feature_extractor { type: "%(type)s" %(extractor)s %(hyperparams)s }
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

FASTER_RCNN = """faster_rcnn {
  num_classes: %(classes)d
  number_of_stages: %(stages)d
  %(resizer)s
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

RFCN_PREDICTOR = f"""rfcn_box_predictor {{
  conv_hyperparams {{ op: CONV {HYPERPARAMS} }}
  crop_height: 12 crop_width: 12 num_spatial_bins_height: 3
  num_spatial_bins_width: 3 depth: 64
}}"""

_TRAINING = """
train_config {
  batch_size: %(batch)d num_steps: %(steps)d
  optimizer {
    momentum_optimizer {
      learning_rate {
        constant_learning_rate { learning_rate: %(rate)s }
      }
      momentum_optimizer_value: 0.9
    }
    use_moving_average: false
  }
}
train_input_reader {
  label_map_path: "%(label_map)s" load_instance_masks: %(masks)s
  mask_type: PNG_MASKS num_readers: 1 shuffle_buffer_size: 16
  tf_record_input_reader { input_path: "%(train)s" }
}
eval_config { metrics_set: "coco_detection_metrics" num_examples: 2 }
eval_input_reader {
  label_map_path: "%(label_map)s" load_instance_masks: %(masks)s
  mask_type: PNG_MASKS shuffle: false num_readers: 1
  tf_record_input_reader { input_path: "%(val)s" }
}
"""


def resizer(size: int = IMAGE_SIZE) -> str:
  """Gives an `image_resizer` message for square images."""
  return f"""image_resizer {{
    fixed_shape_resizer {{ height: {size} width: {size} }}
  }}"""


def conv_hyperparams(decay: float = 0.9) -> str:
  """Gives a `conv_hyperparams` message with batch norm of this decay."""
  return f"""conv_hyperparams {{
    activation: RELU_6 {HYPERPARAMS}
    batch_norm {{ decay: {decay} train: true scale: true epsilon: 0.001 }}
  }}"""


def mask_rcnn_predictor(instance_masks: bool = False) -> str:
  """Gives a `mask_rcnn_box_predictor` message, with masks or without."""
  mask_head = f"""predict_instance_masks: true
    mask_height: 8 mask_width: 8 mask_prediction_conv_depth: 32
    mask_prediction_num_conv_layers: 2
    conv_hyperparams {{ op: CONV {HYPERPARAMS} }}"""
  return f"""mask_rcnn_box_predictor {{
    use_dropout: false fc_hyperparams {{ op: FC {HYPERPARAMS} }}
    {mask_head if instance_masks else ''}
  }}"""


def ssd(
  extractor: str = 'ssd_mobilenet_v1',
  masked: bool = False,
  depth: float = 0.25,
  decay: Optional[float] = 0.9,
) -> str:
  """Gives the `model` message of an SSD.

  Args:
    extractor: stock feature extractor type.
    masked: whether to take the masked one in its place.
    depth: the network's depth multiplier.
    decay: of batch norm; None for slim's own in the base network.
  """
  fpn = 'fpn' in extractor
  hyperparams = conv_hyperparams(decay or 0.9997)
  predictor = _FPN_PREDICTOR if fpn else _SSD_PREDICTOR
  return (
    'model {'
    + SSD
    % {
      'classes': NUM_CLASSES,
      'resizer': resizer(160) if fpn else resizer(),
      'type': extractor.replace('ssd_', 'ssd_masked_') if masked else extractor,
      'extractor': f'depth_multiplier: {depth} min_depth: 8 '
      'override_base_feature_extractor_hyperparams: '
      + ('true' if decay else 'false'),
      'hyperparams': hyperparams,
      'anchors': _FPN_ANCHORS if fpn else _SSD_ANCHORS,
      'predictor': predictor % hyperparams,
    }
    + '}'
  )


def faster_rcnn(
  extractor: str = 'faster_rcnn_inception_v2',
  masked: bool = False,
  instance_masks: bool = False,
) -> str:
  """Gives the `model` message of a Faster R-CNN, or a Mask R-CNN.

  Args:
    extractor: stock feature extractor type.
    masked: whether to take the masked one in its place.
    instance_masks: whether it is a Mask R-CNN.
  """
  return (
    'model {'
    + FASTER_RCNN
    % {
      'classes': NUM_CLASSES,
      'stages': 3 if instance_masks else 2,
      'resizer': resizer(),
      'type': extractor.replace('rcnn_', 'rcnn_masked_')
      if masked
      else extractor,
      'hyper': HYPERPARAMS,
      'predictor': mask_rcnn_predictor(instance_masks),
      'mask_loss': 'second_stage_mask_prediction_loss_weight: 4.0'
      if instance_masks
      else '',
    }
    + '}'
  )


def config(
  model: str,
  data: Optional[detection_data.DetectionData] = None,
  batch_size: int = 2,
  num_steps: int = 20,
  learning_rate: float = 0.01,
  pruning: str = '',
) -> pipeline_pb2.TrainEvalPipelineConfig:
  """Gives a whole pipeline config.

  Args:
    model: a `model` message.
    data: what to train and evaluate on.
    batch_size: images in a training batch.
    num_steps: last training step.
    learning_rate: a constant one.
    pruning: content of the `pruning` message.
  """
  text = model + _TRAINING % {
    'batch': batch_size,
    'steps': num_steps,
    'rate': learning_rate,
    'label_map': data.label_map if data else '',
    'train': data.train_record if data else '',
    'val': data.val_record if data else '',
    'masks': 'true' if 'predict_instance_masks' in model else 'false',
  }
  if pruning:
    text += f'[object_detection_pruning.protos.pruning] {{ {pruning} }}'
  return text_format.Parse(text, pipeline_pb2.TrainEvalPipelineConfig())


def write(message: pipeline_pb2.TrainEvalPipelineConfig, folder) -> str:
  """Writes a config into a folder and gives the file's path."""
  return pipeline.save(message, str(folder))


def make_data(folder) -> detection_data.DetectionData:
  """Draws a few images to train and evaluate on."""
  os.makedirs(str(folder), exist_ok=True)
  return detection_data.generate_shapes(
    str(folder), num_train=8, num_val=2, image_size=IMAGE_SIZE
  )


def predict(
  message: pipeline_pb2.TrainEvalPipelineConfig, is_training: bool = False
):
  """Builds a detector with the stock builder, up to its raw predictions.

  Returns:
    The stock model, and its predictions for two images by name.
  """
  model = model_builder.build(message.model, is_training)
  # What an FPN takes at least is more than the others need.
  shape = [2, 160, 160, 3] if 'fpn' in str(message) else _BATCH_SHAPE
  inputs, shapes = model.preprocess(tf.zeros(shape))
  if is_training:
    box = tf.constant([[0.2, 0.2, 0.7, 0.7]])
    model.provide_groundtruth(
      [box] * 2,
      [tf.one_hot([1], NUM_CLASSES)] * 2,
      [tf.ones([1] + shape[1:3])] * 2,
      [tf.ones([1])] * 2,
    )
  return model, model.predict(inputs, shapes)
