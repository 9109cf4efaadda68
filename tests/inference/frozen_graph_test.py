import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.graphs import importing
from object_detection_pruning.inference import frozen_graph

OUTPUTS = {
  'num_detections': 2,
  'detection_boxes': [[0, 0, 0.5, 1], [0.25, 0.5, 1, 1]],
  'detection_scores': [0.75, 0.5],
  'detection_classes': [2, 1],
}


def save(path, graph):
  path.write_bytes(graph.as_graph_def().SerializeToString())
  return str(path)


@pytest.fixture
def image():
  return np.random.RandomState(0).randint(0, 256, (50, 80, 3)).astype(np.uint8)


def test_gives_what_the_graph_finds_in_pixels(write_graph, image):
  found = frozen_graph.load(write_graph(OUTPUTS)).detect(image)
  assert found.boxes.tolist() == [[0, 0, 25, 80], [12.5, 40, 50, 80]]
  assert found.class_ids.tolist() == [2, 1]
  assert found.scores.tolist() == [0.75, 0.5]
  assert found.masks is None


def test_pastes_masks_where_the_graph_has_them(write_graph, image):
  masks = np.ones([2, 7, 7])
  path = write_graph(dict(OUTPUTS, detection_masks=masks))
  found = frozen_graph.load(path).detect(image)
  assert found.masks[0, :25].all() and not found.masks[0, 25:].any()


def test_detects_what_a_stock_graph_detects(stock_export, image):
  path = stock_export('image_tensor')
  found = frozen_graph.load(path).detect(image)
  graph_def = tf.GraphDef()
  with open(path, 'rb') as file:
    graph_def.ParseFromString(file.read())
  with tf.Graph().as_default(), tf.Session() as session:
    boxes, scores, classes = tf.import_graph_def(
      graph_def,
      {},
      ['detection_boxes:0', 'detection_scores:0', 'detection_classes:0'],
      name='',
    )
    expected = session.run(
      [boxes, scores, classes], {'image_tensor:0': [image]}
    )
  boxes, scores, classes = (batch[0] for batch in expected)
  assert len(found.scores) == 10
  assert len(set(found.scores.tolist())) > 1
  np.testing.assert_array_equal(found.scores, scores)
  np.testing.assert_array_equal(found.class_ids, classes)
  np.testing.assert_allclose(
    found.boxes, boxes * [50, 80, 50, 80], rtol=1e-5, atol=1e-4
  )


@pytest.mark.parametrize(
  'input_type', ['encoded_image_string_tensor', 'tf_example']
)
def test_other_input_types_detect_the_same(stock_export, image, input_type):
  expected = frozen_graph.load(stock_export('image_tensor')).detect(image)
  found = frozen_graph.load(stock_export(input_type)).detect(image)
  np.testing.assert_array_equal(found.class_ids, expected.class_ids)
  np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5)
  np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)


def test_image_is_scaled_to_the_fixed_size_of_a_graph(stock_export, image):
  path = stock_export('image_tensor', [1, 96, 96, 3])
  found = frozen_graph.load(path).detect(image)
  assert len(found.scores) == 10
  assert found.boxes[:, 2].max() <= 50 < found.boxes[:, 3].max() <= 80


def test_graph_for_larger_batches_is_refused(stock_export, image):
  detector = frozen_graph.load(stock_export('image_tensor', [2, 96, 96, 3]))
  with pytest.raises(errors.InputError, match='batches of 2 images'):
    detector.detect(image)


@pytest.mark.parametrize(
  'wrong',
  [
    np.zeros([5, 5, 3], np.float32),
    np.zeros([5, 5], np.uint8),
    np.zeros([1, 5, 5, 3], np.uint8),
    np.zeros([5, 5, 4], np.uint8),
  ],
)
def test_image_of_another_type_or_shape_is_refused(write_graph, wrong):
  detector = frozen_graph.load(write_graph(OUTPUTS))
  with pytest.raises(errors.InputError, match=r'uint8 \[height, width, 3\]'):
    detector.detect(wrong)


def test_missing_outputs_are_named(write_graph):
  outputs = {'num_detections': 0, 'detection_scores': []}
  with pytest.raises(
    errors.InputError,
    match='no detection graph: it has no output '
    'detection_boxes, detection_classes$',
  ):
    frozen_graph.load(write_graph(outputs))


def test_missing_input_is_named(write_graph):
  path = write_graph(OUTPUTS, input_name='picture')
  with pytest.raises(errors.InputError, match='no input image_tensor or enc'):
    frozen_graph.load(path)


@pytest.mark.parametrize('content', [b'no protobuf \xff', b'text', b''])
def test_file_that_is_no_graph_is_refused(tmp_path, content):
  path = tmp_path / 'graph.pb'
  path.write_bytes(content)
  with pytest.raises(errors.InputError, match='no TensorFlow graph'):
    frozen_graph.load(str(path))


@pytest.mark.parametrize('use_resource', [False, True])
def test_graph_with_variables_is_refused(write_graph, tmp_path, use_resource):
  graph = tf.Graph()
  with graph.as_default():
    graph_def = tf.GraphDef()
    with open(write_graph(OUTPUTS), 'rb') as file:
      graph_def.ParseFromString(file.read())
    tf.import_graph_def(graph_def, name='')
    for name in 'ab':
      tf.get_variable(name, [2], use_resource=use_resource)
  with pytest.raises(errors.InputError, match='not frozen: it has 2 variables'):
    frozen_graph.load(save(tmp_path / 'unfrozen.pb', graph))


def test_op_that_tensorflow_does_not_have_is_named(write_graph, tmp_path):
  graph_def = tf.GraphDef()
  with open(write_graph(OUTPUTS), 'rb') as file:
    graph_def.ParseFromString(file.read())
  graph_def.node.add(name='strange', op='OpOfAnotherLibrary')
  path = tmp_path / 'strange.pb'
  path.write_bytes(graph_def.SerializeToString())
  with pytest.raises(errors.InputError, match='OpOfAnotherLibrary') as caught:
    frozen_graph.load(str(path))
  assert '\n' not in str(caught.value)


def changed(path, change):
  """Changes the graph in a file."""
  graph_def = tf.GraphDef()
  with open(path, 'rb') as file:
    graph_def.ParseFromString(file.read())
  change(graph_def)
  with open(path, 'wb') as file:
    file.write(graph_def.SerializeToString())
  return path


def test_graph_that_was_placed_on_a_gpu_runs_without_one(write_graph, image):
  def place(graph_def):
    for node in graph_def.node:
      node.device = '/job:worker/replica:0/task:1/device:GPU:0'

  path = changed(write_graph(OUTPUTS), place)
  found = frozen_graph.load(path).detect(image)
  assert found.scores.tolist() == [0.75, 0.5]


def test_attributes_that_a_newer_tensorflow_wrote_are_dropped(
  write_graph, image
):
  def add(graph_def):
    for node in graph_def.node:
      node.attr['debug_name'].s = b''

  path = changed(write_graph(OUTPUTS), add)
  assert len(frozen_graph.load(path).detect(image).scores) == 2


def test_what_goes_wrong_while_a_graph_runs_is_one_line(write_graph, image):
  def break_boxes(graph_def):
    (node,) = [n for n in graph_def.node if n.name == 'detection_boxes']
    values = graph_def.node.add()
    values.CopyFrom(node)
    values.name = 'values'
    node.Clear()
    node.name, node.op = 'detection_boxes', 'GatherNd'
    node.input.extend(['values', 'places'])
    node.attr['Tparams'].type = tf.float32.as_datatype_enum
    node.attr['Tindices'].type = tf.int32.as_datatype_enum
    places = graph_def.node.add(name='places', op='Const')
    places.attr['dtype'].type = tf.int32.as_datatype_enum
    places.attr['value'].tensor.CopyFrom(tf.make_tensor_proto([[7]]))

  detector = frozen_graph.load(changed(write_graph(OUTPUTS), break_boxes))
  with pytest.raises(
    errors.InputError, match='does not run: .*index'
  ) as caught:
    detector.detect(image)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  'values, message',
  [
    ({'detection_scores': 0.5}, 'detection_scores'),
    ({'detection_boxes': [[0, 0, 1]]}, 'detection_boxes'),
    ({'detection_classes': [1, 2, 3]}, 'detection_classes'),
    ({'num_detections': [2, 2]}, 'num_detections'),
    ({'num_detections': np.nan}, 'num_detections'),
    ({'num_detections': 9}, 'num_detections'),
    ({'detection_boxes': [[0, 0, 1, np.nan]] * 2}, 'detection_boxes'),
  ],
)
def test_outputs_that_are_no_detections_are_refused(
  write_graph, image, values, message
):
  detector = frozen_graph.load(write_graph(dict(OUTPUTS, **values)))
  with pytest.raises(errors.InputError, match=message):
    detector.detect(image)


def test_loop_without_an_end_is_ended(write_graph, image, monkeypatch):
  monkeypatch.setattr(importing, 'most_seconds', 1)

  def add_loop(graph_def):
    with tf.Graph().as_default() as graph:
      tf.import_graph_def(graph_def, name='')
      count = tf.while_loop(lambda i: i < 1, lambda i: i * 0, [0])
      num = graph.get_tensor_by_name('num_detections:0')
      tf.identity(num + tf.cast(count, tf.float32), name='counted')
    whole = graph.as_graph_def()
    graph_def.Clear()
    names = {'num_detections': 'constant', 'counted': 'num_detections'}
    for node in whole.node:
      node.name = names.get(node.name, node.name)
      inputs = [names.get(each, each) for each in node.input]
      del node.input[:]
      node.input.extend(inputs)
      graph_def.node.add().CopyFrom(node)

  detector = frozen_graph.load(changed(write_graph(OUTPUTS), add_loop))
  with pytest.raises(errors.InputError, match='not ended after 1 seconds'):
    detector.detect(image)
