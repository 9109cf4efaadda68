import json
import os
import shutil

import numpy as np
import pytest
from object_detection.utils import label_map_util

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import (
  detection_data,
  record_writer,
  shapes,
)


def _bytes(*paths):
  content = []
  for path in paths:
    with open(path, 'rb') as stream:
      content.append(stream.read())
  return content


@pytest.fixture
def writes(monkeypatch):
  """Counts how often records are written."""
  calls = []
  write = record_writer.write

  def counted(*args, **kwargs):
    calls.append(args)
    return write(*args, **kwargs)

  monkeypatch.setattr(record_writer, 'write', counted)
  return calls


def test_generated_records_round_trip_through_the_stock_decoder(
  tmp_path, decode
):
  data = detection_data.generate_shapes(
    str(tmp_path), num_train=5, num_val=2, image_size=96, seed=3
  )
  assert data[3:] == (4, 5, 2)
  images = decode(data.train_record, data.label_map, masks=True)
  assert len(images) == 5 and len(decode(data.val_record)) == 2
  for index, image in enumerate(images):
    scene = shapes.generate(3, index, 96)
    np.testing.assert_array_equal(
      image['groundtruth_instance_masks'], scene.masks
    )
    assert image['groundtruth_classes'].tolist() == [
      label + 1 for label in scene.labels
    ]
    # JPEG is lossy, but it is the same picture.
    difference = image['image'].astype(float) - scene.image
    assert np.abs(difference).mean() < 6
    for box, mask in zip(image['groundtruth_boxes'], scene.masks):
      rows, columns = np.nonzero(mask)
      np.testing.assert_allclose(
        box * 96,
        [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1],
        atol=1e-4,
      )


def test_the_same_seed_gives_the_same_bytes(tmp_path):
  one, two, other = (
    detection_data.generate_shapes(str(tmp_path / name), 4, 2, 64, seed)
    for name, seed in (('one', 7), ('two', 7), ('other', 8))
  )
  assert _bytes(*one[:3]) == _bytes(*two[:3])
  assert _bytes(one.train_record) != _bytes(other.train_record)


def test_what_is_there_is_used_again(tmp_path, writes):
  arguments = (str(tmp_path), 2, 1, 64)
  first = detection_data.generate_shapes(*arguments)
  assert detection_data.generate_shapes(*arguments) == first
  assert len(writes) == 1
  detection_data.generate_shapes(*arguments, seed=1)
  assert len(writes) == 2
  os.remove(first.val_record)
  detection_data.generate_shapes(*arguments, seed=1)
  assert len(writes) == 3
  (tmp_path / 'detection_data.json').write_text('{"half')
  detection_data.generate_shapes(*arguments, seed=1)
  assert len(writes) == 4
  detection_data.generate_shapes(*arguments, seed=1, style='easy')
  assert len(writes) == 5
  manifest = json.loads((tmp_path / 'detection_data.json').read_text())
  assert manifest['arguments']['style'] == 'easy'


def _voc(builder):
  for name in 'abcde':
    builder.add(name, ('dog', (8, 6, 40, 30)))
  builder.list('train', 'a', 'b')
  builder.list('val', 'c')


def test_prepares_a_voc_folder(tmp_path, voc_folder, decode):
  _voc(voc_folder)
  voc_folder.add('b', ('cat', (1, 2, 3, 4)))
  data = detection_data.prepare(voc_folder.path, str(tmp_path / 'out'))
  assert data[3:] == (2, 2, 1)
  first, second = decode(data.train_record, data.label_map)
  assert (first['filename'], second['filename']) == (b'a.jpg', b'b.jpg')
  assert first['groundtruth_classes'].tolist() == [2]
  np.testing.assert_allclose(first['groundtruth_boxes'], [[0.1, 0.1, 0.5, 0.5]])
  assert [image['filename'] for image in decode(data.val_record)] == [b'c.jpg']


def test_converts_again_when_annotations_change(tmp_path, voc_folder, writes):
  _voc(voc_folder)
  arguments = (voc_folder.path, str(tmp_path / 'out'))
  first = detection_data.prepare(*arguments)
  assert detection_data.prepare(*arguments) == first
  assert len(writes) == 1
  voc_folder.add('a', ('owl', (8, 6, 40, 30)))
  assert detection_data.prepare(*arguments).num_classes == 2
  assert len(writes) == 2


def _coco(make_coco, path, categories=((3, 'cat'), (7, 'dog'))):
  for split, ids in (('train', [1, 2]), ('val', [3])):
    builder = make_coco(path, categories=categories)
    for image_id in ids:
      builder.add_image(image_id, folder=split)
      builder.add(image_id, segmentation=[[10, 20, 40, 20, 40, 40, 10, 40]])
    builder.save(f'instances_{split}.json')


def test_hash_is_that_of_what_annotations_hold(voc_folder):
  voc_folder.add('a', ('cat', (1, 2, 30, 40)))
  before = detection_data.hash_annotations(voc_folder.path)
  voc_folder.add('a', ('cat', (1, 2, 30, 40)))
  assert detection_data.hash_annotations(voc_folder.path) == before
  voc_folder.add('a', ('cat', (1, 2, 30, 41)))
  assert detection_data.hash_annotations(voc_folder.path) != before
  with pytest.raises(errors.InputError, match='does not exist'):
    detection_data.hash_annotations(voc_folder.path + 'x')


def test_prepares_a_coco_folder_with_masks(tmp_path, make_coco, decode):
  _coco(make_coco, tmp_path / 'coco')
  data = detection_data.prepare(
    str(tmp_path / 'coco'), str(tmp_path / 'out'), include_masks=True
  )
  assert data[3:] == (7, 2, 1)
  assert label_map_util.get_label_map_dict(data.label_map) == {
    'cat': 3,
    'dog': 7,
  }
  (image,) = decode(data.val_record, data.label_map, masks=True)
  assert image['groundtruth_classes'].tolist() == [3]
  (mask,) = image['groundtruth_instance_masks']
  assert mask.sum() == mask[20:40, 10:40].sum() == 600


def test_masks_that_were_not_written_are_not_taken_for_written(
  tmp_path, make_coco, decode
):
  _coco(make_coco, tmp_path / 'coco')
  folders = str(tmp_path / 'coco'), str(tmp_path / 'out')
  detection_data.prepare(*folders)
  data = detection_data.prepare(*folders, include_masks=True)
  (image,) = decode(data.val_record, masks=True)
  assert image['groundtruth_instance_masks'].shape == (1, 60, 80)


def test_strict_leaves_nothing(tmp_path, voc_folder):
  _voc(voc_folder)
  voc_folder.add('c', ('dog', (8, 6, 8, 6)))
  out = tmp_path / 'new' / 'out'
  with pytest.raises(errors.InputError, match='^1 broken record: '):
    detection_data.prepare(voc_folder.path, str(out), strict=True)
  assert not os.path.exists(str(tmp_path / 'new'))
  assert detection_data.prepare(voc_folder.path, str(out)).num_val == 1


def test_a_split_without_a_usable_image_leaves_nothing(tmp_path, voc_folder):
  _voc(voc_folder)
  os.remove(voc_folder.image('c.jpg'))
  out = str(tmp_path / 'out')
  with pytest.raises(errors.InputError, match='none of the 1 images'):
    detection_data.prepare(voc_folder.path, out)
  assert not os.path.exists(out)


@pytest.mark.parametrize('make', [True, False])
def test_refuses_a_folder_of_neither_layout(tmp_path, make):
  folder = tmp_path / 'data'
  if make:
    folder.mkdir()
  reason = 'neither a VOC folder .* nor a COCO' if make else 'does not exist'
  with pytest.raises(errors.InputError, match=reason) as caught:
    detection_data.prepare(str(folder), str(tmp_path / 'out'))
  assert '\n' not in str(caught.value)


def test_refuses_masks_of_a_voc_folder(tmp_path, voc_folder):
  _voc(voc_folder)
  with pytest.raises(errors.InputError, match='masks are read from COCO only'):
    detection_data.prepare(voc_folder.path, str(tmp_path), include_masks=True)


def test_does_not_replace_a_label_map_of_somebody_else(tmp_path, voc_folder):
  _voc(voc_folder)
  label_map = tmp_path / 'label_map.pbtxt'
  label_map.write_text('item { name: "owl" id: 1 }')
  with pytest.raises(errors.InputError, match='has other classes'):
    detection_data.prepare(voc_folder.path, str(tmp_path))
  assert 'owl' in label_map.read_text()


def test_prepares_real_voc_data(tmp_path, real_data, capsys, decode):
  data = detection_data.prepare(os.path.join(real_data, 'bccd'), str(tmp_path))
  assert data[3:] == (3, 205, 87)
  told = capsys.readouterr().err
  assert 'BloodImage_00338.xml, object 13 (RBC): box has no area' in told
  assert 'BloodImage_00343.xml, object 4 (RBC): box has no area' in told
  assert told.splitlines()[-1] == ('2 broken records: 2 objects skipped')
  image = decode(data.val_record, data.label_map)[0]
  assert image['image'].shape == (480, 640, 3)


def test_divides_real_voc_data_without_lists(tmp_path, real_data):
  data = detection_data.prepare(
    os.path.join(real_data, 'voc_mini100'), str(tmp_path), strict=True
  )
  assert data[3:] == (20, 80, 20)


def test_prepares_real_coco_data_with_masks(tmp_path, real_data, decode):
  folder = os.path.join(real_data, 'nuclei_dsb2018')
  data = detection_data.prepare(
    folder, str(tmp_path), include_masks=True, strict=True
  )
  assert data[3:] == (1, 150, 50)
  images = decode(data.val_record, data.label_map, masks=True)
  assert sum(len(image['groundtruth_boxes']) for image in images) == 1144
  for image in images:
    masks = image['groundtruth_instance_masks']
    assert masks.sum(axis=(1, 2)).tolist() == image['groundtruth_area'].tolist()
  shutil.rmtree(str(tmp_path))
