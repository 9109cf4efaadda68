"""Small data sets on disk, and OD API's own view of record files."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from object_detection.data_decoders import tf_example_decoder
from object_detection.protos import input_reader_pb2
from PIL import Image

_OBJECT = """<object><name>{name}</name>{difficult}<bndbox>
<xmin>{box[0]}</xmin><ymin>{box[1]}</ymin>
<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"""

_ANNOTATION = """<annotation><filename>{filename}</filename>
<size><width>{size[0]}</width><height>{size[1]}</height></size>
{objects}</annotation>"""


class VocBuilder:
  """Writes a VOC folder image by image; every image is 80 wide, 60 high."""

  def __init__(self, path):
    self.path = str(path)
    for name in ('Annotations', 'JPEGImages'):
      os.makedirs(os.path.join(self.path, name))

  def add(self, name, *objects, size=(80, 60), filename=None, image=True):
    """Adds an image with objects (class, (xmin, ymin, xmax, ymax), ...)."""
    filename = filename or name + '.jpg'
    self.annotate(
      name,
      _ANNOTATION.format(
        filename=filename,
        size=size,
        objects=''.join(
          _OBJECT.format(name=label, box=box, difficult=''.join(rest))
          for label, box, *rest in objects
        ),
      ),
    )
    if image:
      pixels = np.full((60, 80, 3), len(name) * 10, np.uint8)
      Image.fromarray(pixels).save(self.image(name + '.jpg'))

  def annotate(self, name, text):
    path = os.path.join(self.path, 'Annotations', name + '.xml')
    with open(path, 'w') as stream:
      stream.write(text)

  def image(self, filename):
    return os.path.join(self.path, 'JPEGImages', filename)

  def list(self, image_set, *names):
    folder = os.path.join(self.path, 'ImageSets', 'Main')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, image_set + '.txt'), 'w') as stream:
      stream.write(''.join(name + '\n' for name in names))


class CocoBuilder:
  """Collects COCO annotations; every image is 80 wide and 60 high."""

  def __init__(self, path, categories=((3, 'cat'), (7, 'dog'))):
    self.path = str(path)
    self.content = {
      'images': [],
      'annotations': [],
      'categories': [{'id': key, 'name': name} for key, name in categories],
    }

  def add_image(self, image_id, folder='', **changes):
    filename = f'{image_id}.png'
    path = os.path.join(self.path, folder, filename)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(path)
    record = {'id': image_id, 'file_name': filename}
    record.update(width=80, height=60)
    self.content['images'].append({**record, **changes})

  def add(self, image_id, bbox=(10, 20, 30, 20), category_id=3, **more):
    record = {
      'id': len(self.content['annotations']) + 1,
      'image_id': image_id,
      'bbox': list(bbox),
      'category_id': category_id,
    }
    self.content['annotations'].append({**record, **more})

  def save(self, name='instances_train.json'):
    path = os.path.join(self.path, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as stream:
      json.dump(self.content, stream)
    return path


@pytest.fixture
def voc_folder(tmp_path):
  """An empty VOC folder to fill."""
  return VocBuilder(tmp_path / 'voc')


@pytest.fixture
def coco_folder(tmp_path):
  """An empty COCO folder to fill."""
  return CocoBuilder(tmp_path / 'coco')


@pytest.fixture
def make_coco():
  """Makes a COCO folder with given categories."""
  return CocoBuilder


@pytest.fixture
def decode():
  """Decodes a record file as training does; one dict an image."""

  def decoded(path, label_map=None, masks=False):
    with tf.Graph().as_default(), tf.Session() as session:
      decoder = tf_example_decoder.TfExampleDecoder(
        load_instance_masks=masks,
        instance_mask_type=input_reader_pb2.PNG_MASKS,
        label_map_proto_file=label_map,
      )
      serialized = tf.placeholder(tf.string, [])
      tensors = decoder.decode(serialized)
      session.run(tf.tables_initializer())
      return [
        session.run(tensors, {serialized: record})
        for record in tf.io.tf_record_iterator(str(path))
      ]

  return decoded


@pytest.fixture
def run_command():
  """Runs a command of dataset_tools in a process of its own."""

  def run(name, **flags):
    return subprocess.run(
      [sys.executable, '-m', 'object_detection_pruning.dataset_tools.' + name]
      + [f'--{flag}={value}' for flag, value in flags.items()],
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      encoding='utf-8',
    )

  return run


@pytest.fixture
def real_data():
  """The folder of real data sets; skips the test where there is none."""
  path = os.environ.get('ODP_DATA')
  if not path:
    pytest.skip('ODP_DATA does not name a folder of data sets')
  return os.path.abspath(path)
