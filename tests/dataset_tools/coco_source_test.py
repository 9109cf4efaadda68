import os

import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import coco_source, problems


def _open(path, **options):
  return coco_source.open_folder(
    str(path), problems.Problems(pytest.fail), **options
  )


def _names(split):
  told = problems.Problems(pytest.fail)
  return [split.read(item, told).filename for item in split.items]


@pytest.mark.parametrize(
  'annotations, images',
  [
    ('instances_{}.json', '{}/images'),
    ('instances_{}.json', '{}'),
    ('annotations/instances_{}2017.json', '{}2017'),
    ('annotations/instances_{}2017.json', 'images/{}2017'),
    ('annotations/instances_{}.json', 'images'),
    ('instances_{}.json', '.'),
  ],
)
def test_finds_annotations_and_images(tmp_path, make_coco, annotations, images):
  for split, ids in (('train', [1, 2]), ('val', [3])):
    builder = make_coco(tmp_path)
    for image_id in ids:
      builder.add_image(image_id, folder=images.format(split))
    builder.save(annotations.format(split))
  data = _open(tmp_path)
  assert data.class_ids == {'cat': 3, 'dog': 7}
  assert _names(data.train) == ['1.png', '2.png']
  assert _names(data.val) == ['3.png']


def test_a_missing_first_image_does_not_hide_the_folder(tmp_path, make_coco):
  builder = make_coco(tmp_path)
  builder.add_image(1, folder='train', file_name='gone.png')
  builder.add_image(2, folder='train')
  folder = coco_source.image_folder(
    str(tmp_path), 'train', builder.content['images']
  )
  assert folder == os.path.join(str(tmp_path), 'train')


def test_classes_are_those_of_both_files(tmp_path, make_coco):
  for split, category in (('train', (3, 'cat')), ('val', (5, 'owl'))):
    builder = make_coco(tmp_path, categories=[category])
    builder.add_image(1, folder=split)
    builder.save(f'instances_{split}.json')
  assert _open(tmp_path).class_ids == {'cat': 3, 'owl': 5}


def test_holds_a_fifth_of_the_only_file_back(coco_folder):
  for image_id in range(10):
    coco_folder.add_image(image_id, folder='train')
  coco_folder.save('instances_train.json')
  data = _open(coco_folder.path)
  train, val = _names(data.train), _names(data.val)
  assert (len(train), len(val)) == (8, 2)
  assert len(set(train + val)) == 10


def test_reads_masks_on_request(coco_folder):
  coco_folder.add_image(1, folder='train')
  coco_folder.add_image(2, folder='train')
  for image_id in (1, 2):
    coco_folder.add(image_id, segmentation=[[0, 0, 9, 0, 9, 9]])
  coco_folder.save('instances_train.json')
  data = _open(coco_folder.path, include_masks=True)
  image = data.val.read(data.val.items[0], problems.Problems(pytest.fail))
  assert image.instances[0].mask.sum() > 10


def test_refuses_two_files_for_a_split(coco_folder):
  coco_folder.add_image(1)
  for year in (2014, 2017):
    coco_folder.save(f'annotations/instances_train{year}.json')
  with pytest.raises(errors.InputError, match='one file for each.*2014.*2017'):
    _open(coco_folder.path)


def test_says_where_it_looked_for_images(coco_folder):
  coco_folder.add_image(1, folder='elsewhere')
  coco_folder.save('instances_train.json')
  with pytest.raises(errors.InputError, match='looked in train/images, train'):
    _open(coco_folder.path)
