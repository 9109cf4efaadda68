import numpy as np
import pytest
from pycocotools import coco as reference
from pycocotools import mask as coco_mask

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import coco, problems

_IDS = {'cat': 3, 'dog': 7}


@pytest.fixture
def broken():
  """Collects what is told in `broken.lines`."""
  lines = []
  collected = problems.Problems(lines.append)
  collected.lines = lines
  return collected


def _read(builder, broken, ids=None, **options):
  instances = coco.CocoInstances(builder.save())
  image = instances.usable_images(broken)[0]
  return instances.read(image, builder.path, ids or _IDS, broken, **options)


def test_reads_boxes_classes_and_crowds(coco_folder, broken):
  coco_folder.add_image(5)
  coco_folder.add(5, bbox=(8, 6, 32, 24), category_id=7, area=99.5)
  coco_folder.add(5, bbox=(0, 0, 10.5, 4), iscrowd=1)
  image = _read(coco_folder, broken)
  dog, crowd = image.instances
  assert (image.source_id, image.filename) == ('5', '5.png')
  assert (dog.label, dog.name, dog.area) == (7, 'dog', 99.5)
  assert dog.box == (6, 8, 30, 40)
  assert (crowd.label, crowd.area) == (3, 42)
  assert (dog.is_crowd, crowd.is_crowd) == (False, True)
  assert dog.mask is None
  assert broken.lines == []


@pytest.mark.parametrize(
  'written, is_crowd', [('0', False), ('1', True), (None, False), (True, True)]
)
def test_crowds_are_told_as_tools_write_them(
  coco_folder, broken, written, is_crowd
):
  coco_folder.add_image(5)
  coco_folder.add(5, iscrowd=written)
  (instance,) = _read(coco_folder, broken).instances
  assert instance.is_crowd is is_crowd


def test_crowd_that_is_neither_yes_nor_no_is_told(coco_folder, broken):
  coco_folder.add_image(5)
  coco_folder.add(5)
  coco_folder.add(5, iscrowd='maybe')
  assert len(_read(coco_folder, broken).instances) == 1
  assert "iscrowd must be 0 or 1, got 'maybe'" in broken.lines[0]


def test_reads_masks_of_every_kind(coco_folder, broken):
  coco_folder.add_image(5)
  square = [10, 20, 40, 20, 40, 40, 10, 40]
  coco_folder.add(5, segmentation=[square])
  runs = [10 * 60 + 20] + [20, 40] * 29 + [20]
  runs.append(60 * 80 - sum(runs))
  coco_folder.add(5, segmentation={'size': [60, 80], 'counts': runs})
  image = _read(coco_folder, broken, include_masks=True)
  expected = np.zeros((60, 80), bool)
  expected[20:40, 10:40] = True
  assert broken.lines == []
  for instance in image.instances:
    np.testing.assert_array_equal(instance.mask, expected)
    assert instance.area == 600


@pytest.mark.parametrize(
  'annotation, reason, counts',
  [
    ({'bbox': (10, 20, 0, 5)}, 'box has no area', (0, 1, 0)),
    ({'bbox': (10, 20, 5, -5)}, 'box has no area', (0, 1, 0)),
    ({'bbox': (90, 20, 5, 5)}, 'outside the 80x60 image', (0, 1, 0)),
    ({'bbox': (1, 2, 3)}, 'bbox is not four numbers', (0, 1, 0)),
    ({'bbox': (1, 2, 3, None)}, 'bbox is not four numbers', (0, 1, 0)),
    ({'category_id': 4}, 'there is no category 4', (0, 1, 0)),
    ({'segmentation': None}, 'no segmentation', (0, 1, 0)),
    ({'segmentation': [[1, 1, 2, 2]]}, 'three corners', (0, 1, 0)),
    ({'bbox': (70, 20, 30, 5)}, 'box leaves the 80x60 image', (0, 0, 1)),
  ],
)
def test_reports_a_broken_annotation(
  coco_folder, broken, annotation, reason, counts
):
  triangle = [[1, 1, 30, 1, 30, 30]]
  coco_folder.add_image(5)
  coco_folder.add(5, segmentation=triangle)
  coco_folder.add(5, **{'segmentation': triangle, **annotation})
  image = _read(coco_folder, broken, include_masks=True)
  (line,) = broken.lines
  assert line.startswith('5.png, annotation 2: ') and reason in line
  assert (
    broken.images_skipped,
    broken.objects_skipped,
    broken.boxes_clipped,
  ) == counts
  assert len(image.instances) == 1 + counts[2]


def test_reports_a_class_that_the_label_map_lacks(coco_folder, broken):
  coco_folder.add_image(5)
  coco_folder.add(5, category_id=3)
  coco_folder.add(5, category_id=7)
  image = _read(coco_folder, broken, ids={'dog': 1})
  assert [instance.label for instance in image.instances] == [1]
  assert "class 'cat' is not in the label map" in broken.lines[0]


def test_a_missing_mask_is_no_fault_when_masks_are_not_wanted(
  coco_folder, broken
):
  coco_folder.add_image(5)
  coco_folder.add(5)
  assert len(_read(coco_folder, broken).instances) == 1
  assert broken.total == 0


@pytest.mark.parametrize(
  'changes, reason',
  [
    ({'file_name': 'none.png'}, 'none.png: image file none.png is missing'),
    ({'width': 60, 'height': 80}, 'annotated at 60x80, but the image is 80x60'),
    ({'file_name': None}, 'lacks its id or file_name'),
  ],
)
def test_reports_a_broken_image(coco_folder, broken, changes, reason):
  coco_folder.add_image(5, **changes)
  assert _read(coco_folder, broken) is None
  assert reason in broken.lines[0]
  assert broken.images_skipped == 1


def test_reports_repeated_images_and_annotations_of_none(coco_folder, broken):
  coco_folder.add_image(5)
  coco_folder.add_image(5)
  coco_folder.add_image(6)
  coco_folder.add(9)
  instances = coco.CocoInstances(coco_folder.save())
  usable = instances.usable_images(broken)
  assert [image['id'] for image in usable] == [5, 6]
  assert broken.lines == [
    '5.png: image id 5 is taken; image skipped',
    'annotation 1: there is no image 9; object skipped',
  ]


@pytest.mark.parametrize(
  'content, reason',
  [
    ('{', 'is no JSON file'),
    ('[]', 'has no list of images'),
    ('{"images": [{}], "annotations": {}}', 'has no list of annotations'),
    ('{"images": [1]}', 'has no list of images'),
    (
      '{"images": [], "annotations": [], "categories": [{}]}',
      'has no images',
    ),
    (
      '{"images": [{}], "annotations": [], "categories": [{"id": "1"}]}',
      'category without an integer id',
    ),
  ],
)
def test_refuses_another_kind_of_file(tmp_path, content, reason):
  path = tmp_path / 'x.json'
  path.write_text(content)
  with pytest.raises(errors.InputError, match=reason):
    coco.CocoInstances(str(path))


def test_a_missing_file_is_named(tmp_path):
  with pytest.raises(errors.InputError, match='x.json does not exist'):
    coco.CocoInstances(str(tmp_path / 'x.json'))


def test_reads_what_pycocotools_reads(coco_folder, broken):
  coco_folder.add_image(5)
  blob = np.zeros((60, 80), np.uint8, order='F')
  blob[5:30, 7:50] = 1
  runs = coco_mask.encode(blob)
  runs['counts'] = runs['counts'].decode()
  coco_folder.add(5, segmentation=runs, iscrowd=1)
  coco_folder.add(5, segmentation=[[3.5, 2, 60, 9, 33, 50.25]], iscrowd=0)
  image = _read(coco_folder, broken, include_masks=True)
  other = reference.COCO(coco_folder.save())
  annotations = other.dataset['annotations']
  assert len(image.instances) == len(annotations) == 2
  for instance, annotation in zip(image.instances, annotations):
    np.testing.assert_array_equal(instance.mask, other.annToMask(annotation))


def test_ids_that_are_no_ids_are_told(coco_folder):
  coco_folder.add_image(1)
  coco_folder.add(1)
  coco_folder.add([1])
  coco_folder.add(1, category_id={'id': 3})
  instances = coco.CocoInstances(coco_folder.save())
  broken = problems.Problems()
  (image,) = instances.usable_images(broken)
  read = instances.read(image, coco_folder.path, {'cat': 3}, broken)
  assert len(read.instances) == 1
  assert broken.objects_skipped == 2


def test_ids_may_be_text_in_one_place_and_numbers_in_another(
  coco_folder, broken
):
  coco_folder.content['categories'][0]['id'] = '3'
  coco_folder.add_image('5')
  coco_folder.add(5)
  coco_folder.add('5', category_id='3')
  image = _read(coco_folder, broken)
  assert [each.name for each in image.instances] == ['cat', 'cat']
  assert broken.total == 0


@pytest.mark.parametrize('width', [-1, 0, None])
def test_a_size_that_is_not_known_is_not_checked(coco_folder, broken, width):
  coco_folder.add_image(5, width=width)
  assert _read(coco_folder, broken)
  assert broken.total == 0


def test_a_size_that_is_no_number_is_named(coco_folder, broken):
  coco_folder.add_image(5, width='wide')
  assert _read(coco_folder, broken) is None
  assert "the width 'wide' is no number" in broken.lines[0]


@pytest.mark.parametrize(
  'name', ['C:\\data\\5.png', '/data/5.png', 'old/5.png']
)
def test_finds_images_by_paths_of_another_machine(coco_folder, broken, name):
  coco_folder.add_image(5, file_name=name)
  assert _read(coco_folder, broken)
  assert broken.total == 0
