"""What commands read: for each kind of file a whole one, and what reads it."""

import io
import json
import os
from typing import Callable, NamedTuple

import numpy as np
import small_graphs
import tensorflow.compat.v1 as tf
from PIL import Image

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import selection as channel_selection
from object_detection_pruning.common import checkpoints
from object_detection_pruning.dataset_tools import (
  coco,
  label_maps,
  problems,
  record_reader,
  voc,
)
from object_detection_pruning.dataset_tools import image_files as data_images
from object_detection_pruning.export import stripped_files
from object_detection_pruning.graphs import (
  graph_files,
  importing,
  sample_feeds,
)
from object_detection_pruning.inference import image_files, loaders
from object_detection_pruning.inspection import model_file_cost
from object_detection_pruning.reconstruction import model as pruned_model
from object_detection_pruning.sensitivity import costs, results, results_file
from object_detection_pruning.sparse_ops import byte_values, exporting

IMAGE = np.random.RandomState(1).randint(0, 256, (20, 30, 3)).astype(np.uint8)


class Parser(NamedTuple):
  """One kind of file, and one way to read it.

  Attributes:
    name: of both.
    write: writes a whole file and what belongs to it into a folder; gives the
      path of what is mutated.
    mutate: name of the method of a `Mutator`.
    read: reads what lies in the folder, as a command does.
  """

  name: str
  write: Callable
  mutate: str
  read: Callable


def _file(name, content):
  def write(folder):
    path = os.path.join(folder, name)
    with open(path, 'wb') as file:
      file.write(content() if callable(content) else content)
    return path

  return write


def _plain():
  return small_graphs.plain().SerializeToString(deterministic=True)


def _masked():
  return small_graphs.plain(masked=True).SerializeToString(deterministic=True)


def _sparse():
  return small_graphs.sparse().SerializeToString(deterministic=True)


def _in_bytes():
  return small_graphs.sparse(byte_values.BITS).SerializeToString(
    deterministic=True
  )


# Mutated loops may have no end.
importing.most_seconds = 4


def _detect(path):
  loaders.load_detector(path, threads=1).detect(IMAGE)


def _inspect(path):
  cost = model_file_cost.measure(path, IMAGE)
  cost.as_table()
  cost.as_json()


def _export(path):
  output = os.path.join(os.path.dirname(path), 'sparse.pb')
  exporting.export(path, output, seconds=0, overwrite=True)


def _strip(path):
  source = graph_files.read(path)
  stripped_files.strip(source, list(small_graphs.OUTPUTS))


def _saved_model(folder):
  path = os.path.join(folder, 'model')
  small_graphs.write_saved_model(path)
  return os.path.join(path, 'saved_model.pb')


def _in_its_folder(read):
  return lambda path: read(os.path.dirname(path))


def _checkpoint(ending):
  def write(folder):
    prefix = os.path.join(folder, 'model.ckpt-3')
    values = np.random.RandomState(0).normal(size=[3, 3, 4, 8])
    checkpoints.write(
      prefix, {'a/weights': values, 'b/biases': values[0, 0, 0]}
    )
    return prefix + ending

  return write


def _read_checkpoint(path):
  prefix = os.path.join(os.path.dirname(path), 'model.ckpt-3')
  checkpoints.read(prefix)
  checkpoints.shapes(prefix)
  model_file_cost.measure(prefix, IMAGE)


def _checkpoint_state(folder):
  prefix = _checkpoint('')(folder)
  path = os.path.join(folder, 'checkpoint')
  with open(path, 'w') as file:
    file.write(f'model_checkpoint_path: "{os.path.basename(prefix)}"\n')
  return path


def _picture(kind):
  def content():
    buffer = io.BytesIO()
    Image.fromarray(IMAGE).save(buffer, kind)
    return buffer.getvalue()

  return content


def _read_picture(path):
  image_files.read(path)
  sample_feeds.read_image(path)
  data_images.read(path)


def _records(folder):
  path = os.path.join(folder, 'some.record')
  with tf.python_io.TFRecordWriter(path) as writer:
    for number in range(3):
      example = tf.train.Example()
      features = example.features.feature
      features['image/encoded'].bytes_list.value.append(_picture('PNG')())
      features['image/source_id'].bytes_list.value.append(b'%d' % number)
      for edge in ('xmin', 'ymin', 'xmax', 'ymax'):
        features[f'image/object/bbox/{edge}'].float_list.value.append(0.5)
      writer.write(example.SerializeToString(deterministic=True))
  return path


def _read_records(path):
  record_reader.count([path])
  for record in record_reader.read([path]):
    record.parse()


_VOC = """<annotation><filename>a.png</filename>
<size><width>30</width><height>20</height><depth>3</depth></size>
<object><name>cell</name><difficult>0</difficult><bndbox><xmin>3</xmin>
<ymin>4</ymin><xmax>12</xmax><ymax>15</ymax></bndbox></object>
</annotation>"""


def _voc(folder):
  for name in ('Annotations', 'JPEGImages'):
    os.makedirs(os.path.join(folder, name))
  _file('JPEGImages/a.png', _picture('PNG'))(folder)
  return _file('Annotations/a.xml', _VOC.encode())(folder)


def _quiet_problems():
  return problems.Problems(lambda line: None)


def _read_voc(path):
  folder = voc.VocFolder(os.path.dirname(os.path.dirname(path)))
  ids = folder.class_ids()
  for name in folder.all_names():
    folder.read(name, ids, _quiet_problems())


def _coco(folder):
  _file('a.png', _picture('PNG'))(folder)
  instance = {
    'id': 1,
    'image_id': 7,
    'category_id': 1,
    'bbox': [3, 4, 9, 11],
    'area': 99,
    'iscrowd': 0,
    'segmentation': [[3, 4, 12, 4, 12, 15]],
  }
  content = {
    'images': [{'id': 7, 'file_name': 'a.png', 'width': 30, 'height': 20}],
    'categories': [{'id': 1, 'name': 'cell'}, {'id': 3, 'name': 'dot'}],
    'annotations': [instance],
  }
  return _file('instances.json', json.dumps(content).encode())(folder)


def _read_coco(path):
  found = coco.CocoInstances(path)
  for image in found.usable_images(_quiet_problems()):
    found.read(
      image,
      os.path.dirname(path),
      {'cell': 1, 'dot': 2},
      _quiet_problems(),
      True,
    )


def _sensitivities(folder):
  path = os.path.join(folder, 's.json')
  setup = results.Setup('a', 'b', 'c', 4, 'filter', 'l1', 'mAP', 0)
  layer = results.Layer('a', ['a'], 4, {0.5: {'mAP': 0.4, 'AP50': 0.6}})
  axes = (costs.Axis(3, ()), costs.Axis(8, (('a', 2),)))
  cost = costs.Costs([costs.Term(2, 9, axes)])
  whole = results.Results(setup, {'mAP': 0.5, 'AP50': 0.7}, [layer], cost)
  results_file.save(whole, path)
  return path


_HYPERPARAMS = """conv_hyperparams {
    regularizer { l2_regularizer { weight: 0.0001 } }
    initializer { truncated_normal_initializer { stddev: 0.05 } } }"""
_CONFIG = f"""model {{ ssd {{ num_classes: 3
  image_resizer {{ fixed_shape_resizer {{ height: 96 width: 96 }} }}
  feature_extractor {{ type: "ssd_mobilenet_v1" depth_multiplier: 0.25
    {_HYPERPARAMS} }}
  box_coder {{ faster_rcnn_box_coder {{ }} }}
  matcher {{ argmax_matcher {{ }} }}
  similarity_calculator {{ iou_similarity {{ }} }}
  anchor_generator {{ ssd_anchor_generator {{ num_layers: 6 }} }}
  box_predictor {{ convolutional_box_predictor {{ {_HYPERPARAMS} }} }}
  loss {{ classification_loss {{ weighted_sigmoid {{ }} }}
    localization_loss {{ weighted_smooth_l1 {{ }} }} }}
  post_processing {{ batch_non_max_suppression {{ }} }} }} }}
train_config {{ batch_size: 2 num_steps: 100
  optimizer {{ momentum_optimizer {{ learning_rate {{
    constant_learning_rate {{ learning_rate: 0.01 }} }} }} }} }}
train_input_reader {{ label_map_path: "map.pbtxt"
  tf_record_input_reader {{ input_path: "train.record" }} }}
"""
_LABEL_MAP = b"item { id: 1 name: 'cell' }\nitem { id: 2 name: 'dot' }\n"


PARSERS = (
  Parser('frozen graph, detect', _file('g.pb', _plain), 'graph', _detect),
  Parser('frozen graph, inspect', _file('g.pb', _plain), 'graph', _inspect),
  Parser('frozen graph, sparse', _file('g.pb', _plain), 'graph', _export),
  Parser('masked graph, strip', _file('g.pb', _masked), 'graph', _strip),
  Parser(
    'frozen graph, prune',
    _file('g.pb', _plain),
    'graph',
    pruned_model.from_graph,
  ),
  Parser('sparse graph, detect', _file('g.pb', _sparse), 'graph', _detect),
  Parser('sparse graph, inspect', _file('g.pb', _sparse), 'graph', _inspect),
  Parser('8-bit graph, detect', _file('g.pb', _in_bytes), 'graph', _detect),
  Parser('8-bit graph, inspect', _file('g.pb', _in_bytes), 'graph', _inspect),
  Parser(
    'SavedModel, detect', _saved_model, 'saved_model', _in_its_folder(_detect)
  ),
  Parser(
    'SavedModel, inspect', _saved_model, 'saved_model', _in_its_folder(_inspect)
  ),
  Parser(
    'pipeline config',
    _file('pipeline.config', _CONFIG.encode()),
    'text',
    pipeline.load,
  ),
  Parser('label map', _file('map.pbtxt', _LABEL_MAP), 'text', label_maps.read),
  Parser('records', _records, 'binary', _read_records),
  Parser('PNG', _file('a.png', _picture('PNG')), 'binary', _read_picture),
  Parser('JPEG', _file('a.jpg', _picture('JPEG')), 'binary', _read_picture),
  Parser('TIFF', _file('a.tiff', _picture('TIFF')), 'binary', _read_picture),
  Parser('VOC annotation', _voc, 'text', _read_voc),
  Parser('COCO annotations', _coco, 'json', _read_coco),
  Parser('checkpoint index', _checkpoint('.index'), 'binary', _read_checkpoint),
  Parser(
    'checkpoint data',
    _checkpoint('.data-00000-of-00001'),
    'binary',
    _read_checkpoint,
  ),
  Parser(
    'checkpoint state',
    _checkpoint_state,
    'text',
    _in_its_folder(checkpoints.resolve),
  ),
  Parser(
    'sensitivities',
    _sensitivities,
    'json',
    results_file.load,
  ),
  Parser(
    'ratios of channels',
    _file('r.json', b'{"a": 0.5, "b/c": 0.25}'),
    'json',
    channel_selection.read_ratios,
  ),
)
