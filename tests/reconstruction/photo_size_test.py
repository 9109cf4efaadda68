import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from object_detection.builders import image_resizer_builder
from object_detection.protos import pipeline_pb2
from object_detection.utils import shape_utils

from object_detection_pruning.reconstruction import photo_size

IN_RANGE = 'keep_aspect_ratio_resizer { min_dimension: 1100 max_dimension: %d }'
FIXED = 'fixed_shape_resizer { height: 1280 width: 1100 }'
SIZES = [
  (IN_RANGE % 1333, photo_size.PhotoSize(1100, 1333)),
  (FIXED, photo_size.PhotoSize(1280, 2048)),
]


def config(resizer):
  return text_format.Parse(
    f'model {{ faster_rcnn {{ image_resizer {{ {resizer} }} }} }}',
    pipeline_pb2.TrainEvalPipelineConfig(),
  )


def graph(resizer, name='Preprocessor'):
  """The resizing of a stock detector, as the exporter builds it."""
  resize = image_resizer_builder.build(
    config(resizer).model.faster_rcnn.image_resizer
  )
  with tf.Graph().as_default() as made:
    images = tf.placeholder(tf.uint8, [None, None, None, 3], 'image_tensor')
    with tf.name_scope(name):
      shape_utils.static_or_dynamic_map_fn(
        resize, tf.cast(images, tf.float32), dtype=[tf.float32, tf.int32]
      )
  return made.as_graph_def()


@pytest.mark.parametrize('resizer, size', SIZES)
def test_size_is_that_of_the_config_and_of_its_graph(resizer, size):
  assert photo_size.of_config(config(resizer)) == size
  assert photo_size.of_graph(graph(resizer)) == size


@pytest.mark.parametrize('resizer, _', SIZES)
@pytest.mark.parametrize('width, height', [(3000, 2000), (1500, 2000)])
def test_no_photo_is_smaller_than_what_the_detector_makes_of_it(
  resizer, _, width, height
):
  resize = image_resizer_builder.build(
    config(resizer).model.faster_rcnn.image_resizer
  )
  with tf.Session() as session:
    seen = session.run(resize(tf.zeros([height, width, 3]))[1])
  size = photo_size.of_config(config(resizer))
  scale = size.longer_side(width, height) / max(width, height)
  assert scale < 1
  kept = np.round([height * scale, width * scale])
  assert (kept >= seen[:2]).all()


@pytest.mark.parametrize(
  'size, side',
  [
    (photo_size.USUAL, 1024),
    # Small detectors see no other photos than before.
    (photo_size.PhotoSize(300, 2048), 1024),
    (photo_size.PhotoSize(800, 1333), 1200),
    (photo_size.PhotoSize(1000, 1333), 1333),
    (photo_size.PhotoSize(1280, 2048), 1920),
    (photo_size.PhotoSize(3000, 4000), 2048),
  ],
)
def test_longer_side_is_as_long_as_is_looked_at_but_bounded(size, side):
  assert size.longer_side(3000, 2000) == side
  assert size.longer_side(2000, 3000) == side
  assert size.longer_side(300, 200) == 300


def test_graph_that_takes_images_of_one_size_tells_it():
  with tf.Graph().as_default() as made:
    tf.placeholder(tf.uint8, [1, 1200, 1500, 3], 'image_tensor')
  found = photo_size.of_graph(made.as_graph_def())
  assert found == photo_size.PhotoSize(1500, 2048)


def test_what_tells_no_size_gives_the_usual_one():
  usual = photo_size.USUAL
  assert photo_size.of_config(config('identity_resizer {}')) == usual
  assert photo_size.of_config(config('')) == usual
  nothing = pipeline_pb2.TrainEvalPipelineConfig()
  assert photo_size.of_config(nothing) == usual
  other = graph(FIXED)
  for node in other.node:
    node.name = node.name.replace('Resize', 'Other')
    for index, name in enumerate(node.input):
      node.input[index] = name.replace('Resize', 'Other')
  assert photo_size.of_graph(other) == usual
