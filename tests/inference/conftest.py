import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from object_detection import exporter
from object_detection.builders import model_builder
from object_detection.protos import pipeline_pb2

SMALL_SSD = """
  model { ssd {
    num_classes: 3
    image_resizer { fixed_shape_resizer { height: 96 width: 96 } }
    feature_extractor {
      type: "ssd_mobilenet_v1"
      depth_multiplier: 0.1
      min_depth: 4
      conv_hyperparams {
        regularizer { l2_regularizer { weight: 0.0 } }
        initializer { random_normal_initializer { stddev: 0.3 } }
      }
      override_base_feature_extractor_hyperparams: true
    }
    box_coder { faster_rcnn_box_coder { } }
    matcher { argmax_matcher { } }
    similarity_calculator { iou_similarity { } }
    box_predictor { convolutional_box_predictor {
      kernel_size: 1
      conv_hyperparams {
        regularizer { l2_regularizer { weight: 0.0 } }
        initializer { random_normal_initializer { stddev: 0.3 } }
      }
    } }
    anchor_generator { ssd_anchor_generator { num_layers: 6 } }
    post_processing {
      batch_non_max_suppression {
        score_threshold: 0.01
        iou_threshold: 0.5
        max_detections_per_class: 5
        max_total_detections: 10
      }
      score_converter: SIGMOID
    }
    loss {
      classification_loss { weighted_sigmoid { } }
      localization_loss { weighted_smooth_l1 { } }
    }
    encode_background_as_zeros: true
  } }
"""


@pytest.fixture(scope='session')
def stock_export(tmp_path_factory):
  """Returns a function that exports a small stock SSD with random weights.

  Every export has the same weights. The function takes an input type and, for
  image_tensor, an input shape, and returns the path of the frozen graph.
  """
  folder = tmp_path_factory.mktemp('stock')
  config = text_format.Parse(SMALL_SSD, pipeline_pb2.TrainEvalPipelineConfig())
  checkpoint = str(folder / 'model.ckpt')
  with tf.Graph().as_default(), tf.Session() as session:
    tf.set_random_seed(7)
    model = model_builder.build(config.model, is_training=False)
    images, shapes = model.preprocess(tf.zeros([1, 96, 96, 3]))
    model.predict(images, shapes)
    tf.train.get_or_create_global_step()
    session.run(tf.global_variables_initializer())
    tf.train.Saver().save(session, checkpoint)

  def export(input_type, input_shape=None):
    output = os.path.join(str(folder), f'{input_type}_{input_shape}')
    graph_file = os.path.join(output, 'frozen_inference_graph.pb')
    if not os.path.exists(graph_file):
      with tf.Graph().as_default():
        exporter.export_inference_graph(
          input_type, config, checkpoint, output, input_shape=input_shape
        )
    return graph_file

  return export


@pytest.fixture
def write_graph(tmp_path):
  """Returns a function that writes a graph that always finds the same.

  The function takes the values of the outputs by name, without the batch
  dimension, and returns the path of the graph.
  """

  def write(outputs, input_name='image_tensor', name='graph.pb'):
    with tf.Graph().as_default() as graph:
      tf.placeholder(tf.uint8, [None, None, None, 3], input_name)
      for output, value in outputs.items():
        tf.constant(np.float32([value]), name=output)
    path = tmp_path / name
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return str(path)

  return write
