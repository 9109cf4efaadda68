import os

import pytest
from PIL import Image

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import problems, voc

_IDS = {'cat': 1, 'dog': 2}


@pytest.fixture
def broken():
  """Collects what is told in `broken.lines`."""
  lines = []
  collected = problems.Problems(lines.append)
  collected.lines = lines
  return collected


def _counts(broken):
  return broken.images_skipped, broken.objects_skipped, broken.boxes_clipped


def test_reads_boxes_and_classes(voc_folder, broken):
  voc_folder.add(
    'a',
    ('dog', (8, 6, 40, 30)),
    ('cat', (1, 2, 3, 4), '<difficult>1</difficult>'),
    ('cat', (1, 2, 3, 4), '<difficult>0</difficult>'),
  )
  image = voc.VocFolder(voc_folder.path).read('a', _IDS, broken)
  assert (image.filename, image.file.width, image.file.height) == (
    'a.jpg',
    80,
    60,
  )
  dog, difficult, easy = image.instances
  assert (dog.label, dog.name, dog.area) == (2, 'dog', 32 * 24)
  assert dog.box._asdict() == {'ymin': 6, 'xmin': 8, 'ymax': 30, 'xmax': 40}
  assert [dog.difficult, difficult.difficult, easy.difficult] == [0, 1, 0]
  assert broken.lines == []


def test_difficult_objects_can_be_left_out(voc_folder, broken):
  voc_folder.add(
    'a',
    ('dog', (8, 6, 40, 30)),
    ('cat', (1, 2, 3, 4), '<difficult>1</difficult>'),
  )
  image = voc.VocFolder(voc_folder.path).read(
    'a', _IDS, broken, ignore_difficult=True
  )
  assert [instance.name for instance in image.instances] == ['dog']
  assert broken.total == 0


@pytest.mark.parametrize(
  'label, box, reason, counts',
  [
    ('dog', (5, 5, 5, 5), 'box has no area', (0, 1, 0)),
    ('dog', (9, 5, 5, 9), 'box has no area', (0, 1, 0)),
    ('dog', (90, 5, 95, 9), 'box lies outside the 80x60 image', (0, 1, 0)),
    ('dog', ('x', 5, 9, 9), 'box is missing or no number', (0, 1, 0)),
    ('dog', ('nan', 5, 9, 9), 'box is not finite', (0, 1, 0)),
    ('owl', (1, 2, 3, 4), 'class is not in the label map', (0, 1, 0)),
    ('', (1, 2, 3, 4), 'without a name', (0, 1, 0)),
    ('dog', (70, 5, 95, 9), 'box leaves the 80x60 image', (0, 0, 1)),
  ],
)
def test_reports_a_broken_object(
  voc_folder, broken, label, box, reason, counts
):
  voc_folder.add('a', ('cat', (1, 2, 3, 4)), (label, box))
  image = voc.VocFolder(voc_folder.path).read('a', _IDS, broken)
  (line,) = broken.lines
  assert line.startswith('a.xml, object 2 (') and reason in line
  assert _counts(broken) == counts
  assert len(image.instances) == 1 + counts[2]


def test_a_clipped_box_ends_at_the_image(voc_folder, broken):
  voc_folder.add('a', ('dog', (70, 5, 95, 9)))
  (dog,) = voc.VocFolder(voc_folder.path).read('a', _IDS, broken).instances
  assert dog.box == (5, 70, 9, 80)
  assert dog.area == 40


def test_reports_a_missing_image(voc_folder, broken):
  voc_folder.add('a', ('dog', (1, 2, 3, 4)), image=False)
  assert voc.VocFolder(voc_folder.path).read('a', _IDS, broken) is None
  assert broken.lines == ['a.xml: image file a.jpg is missing; image skipped']


def test_reports_an_unreadable_image(voc_folder, broken):
  voc_folder.add('a', ('dog', (1, 2, 3, 4)))
  with open(voc_folder.image('a.jpg'), 'w') as stream:
    stream.write('no image')
  assert voc.VocFolder(voc_folder.path).read('a', _IDS, broken) is None
  assert 'does not decode' in broken.lines[0]
  assert _counts(broken) == (1, 0, 0)


@pytest.mark.parametrize(
  'text, reason',
  [
    (None, 'the annotation is missing'),
    ('<annotation><object>', 'the XML cannot be read'),
    ('', 'the XML cannot be read'),
    ('<?xml version="1.0" encoding="nonsense"?><annotation/>', 'XML cannot'),
    ('<html/>', 'holds <html>'),
  ],
)
def test_reports_a_broken_annotation(voc_folder, broken, text, reason):
  if text is not None:
    voc_folder.annotate('a', text)
  assert voc.VocFolder(voc_folder.path).read('a', _IDS, broken) is None
  assert reason in broken.lines[0] and '\n' not in broken.lines[0]
  assert _counts(broken) == (1, 0, 0)


def test_reports_an_annotation_of_another_size(voc_folder, broken):
  voc_folder.add('a', ('dog', (1, 2, 3, 4)), size=(60, 80))
  assert voc.VocFolder(voc_folder.path).read('a', _IDS, broken) is None
  assert 'annotated at 60x80, but the image is 80x60' in broken.lines[0]


def test_a_size_may_be_written_with_a_point(voc_folder, broken):
  voc_folder.add('a', ('dog', (1, 2, 3, 4)), size=('80.0', '60.00'))
  assert voc.VocFolder(voc_folder.path).read('a', _IDS, broken)
  assert broken.total == 0


def test_a_size_that_is_no_number_is_named(voc_folder, broken):
  voc_folder.add('a', ('dog', (1, 2, 3, 4)), size=('wide', 60))
  assert voc.VocFolder(voc_folder.path).read('a', _IDS, broken) is None
  assert "the width 'wide' is no number" in broken.lines[0]


@pytest.mark.parametrize(
  'text, difficult',
  [('1', True), ('True', True), ('yes', True), ('0', False), ('False', False)],
)
def test_difficult_may_be_a_word(voc_folder, broken, text, difficult):
  mark = f'<difficult>{text}</difficult>'
  voc_folder.add('a', ('dog', (1, 2, 3, 4), mark))
  image = voc.VocFolder(voc_folder.path).read('a', _IDS, broken)
  assert [each.difficult for each in image.instances] == [difficult]


@pytest.mark.parametrize('size', [(0, 0), ('', ''), (-1, -1)])
def test_an_annotation_without_a_size_takes_that_of_the_image(
  voc_folder, broken, size
):
  voc_folder.add('a', ('dog', (1, 2, 3, 4)), size=size)
  image = voc.VocFolder(voc_folder.path).read('a', _IDS, broken)
  assert (image.file.width, image.file.height) == (80, 60)


@pytest.mark.parametrize('filename', ['old_name.jpg', 'a', 'C:\\x\\a.jpg'])
def test_finds_the_image_of_a_renamed_annotation(voc_folder, broken, filename):
  voc_folder.add('a', ('dog', (1, 2, 3, 4)), filename=filename)
  image = voc.VocFolder(voc_folder.path).read('a', _IDS, broken)
  assert image.filename == 'a.jpg'


def test_finds_images_of_other_formats(voc_folder, broken):
  voc_folder.add('a', ('dog', (1, 2, 3, 4)), image=False)
  Image.new('RGB', (80, 60)).save(voc_folder.image('a.png'))
  image = voc.VocFolder(voc_folder.path).read('a', _IDS, broken)
  assert (image.filename, image.file.format) == ('a.png', 'png')


def test_classes_are_those_of_all_annotations_in_order(voc_folder):
  voc_folder.add('a', ('dog', (1, 2, 3, 4)), ('owl', (1, 2, 3, 4)))
  voc_folder.add('b', ('cat', (1, 2, 3, 4)), ('', (1, 2, 3, 4)))
  voc_folder.annotate('c', '<broken')
  voc_folder.list('train', 'a')
  folder = voc.VocFolder(voc_folder.path)
  assert folder.class_ids() == {'cat': 1, 'dog': 2, 'owl': 3}


def test_a_folder_without_objects_is_refused(voc_folder):
  voc_folder.add('a')
  with pytest.raises(errors.InputError, match='no object is annotated'):
    voc.VocFolder(voc_folder.path).class_ids()


def test_lists_name_the_images_of_a_set(voc_folder):
  for name in 'abc':
    voc_folder.add(name)
  # Lists of one class have a second column.
  voc_folder.list('train', 'c  1', 'a -1', '')
  folder = voc.VocFolder(voc_folder.path)
  assert folder.names('train') == ['c', 'a']
  with pytest.raises(errors.InputError, match='val.txt; it has train$'):
    folder.names('val')


def test_names_may_have_spaces_and_end_with_a_number(voc_folder):
  for name in ('photo', 'photo (1)', 'day 1'):
    voc_folder.add(name)
  voc_folder.list('train', '  photo (1) ', 'day 1', 'day 1 -1', 'photo  0')
  names = voc.VocFolder(voc_folder.path).names('train')
  assert names == ['photo (1)', 'day 1', 'day 1', 'photo']


def test_a_list_that_is_no_text_is_refused(voc_folder):
  voc_folder.add('a')
  voc_folder.list('train', 'a')
  path = os.path.join(voc_folder.path, 'ImageSets', 'Main', 'train.txt')
  with open(path, 'wb') as file:
    file.write(b'\xff\xfea\n')
  with pytest.raises(errors.InputError, match='train.txt is no text in UTF-8'):
    voc.VocFolder(voc_folder.path).names('train')


def test_without_lists_each_set_is_all_images(voc_folder):
  for name in 'bac':
    voc_folder.add(name)
  assert voc.VocFolder(voc_folder.path).names('val') == ['a', 'b', 'c']


def test_an_empty_list_is_refused(voc_folder):
  voc_folder.add('a')
  voc_folder.list('train')
  with pytest.raises(errors.InputError, match='names no image for train'):
    voc.VocFolder(voc_folder.path).names('train')


def test_another_folder_is_refused(tmp_path):
  os.makedirs(str(tmp_path / 'Annotations'))
  with pytest.raises(errors.InputError, match='it has no JPEGImages'):
    voc.VocFolder(str(tmp_path))


def test_own_picture_wins_over_an_old_name_that_is_another_one(
  voc_folder, broken
):
  voc_folder.add('new', ('dog', (1, 2, 3, 4)), filename='other.jpg')
  voc_folder.add('other', ('cat', (1, 2, 3, 4)))
  image = voc.VocFolder(voc_folder.path).read('new', _IDS, broken)
  assert image.filename == 'new.jpg'
  assert broken.lines == [
    'new.xml: <filename> names other.jpg; new.jpg is taken'
  ]
  assert broken.total == 0


def test_picture_of_another_annotation_is_not_taken(voc_folder, broken):
  voc_folder.add('new', ('dog', (1, 2, 3, 4)), filename='o.jpg', image=False)
  voc_folder.add('o', ('cat', (1, 2, 3, 4)))
  assert voc.VocFolder(voc_folder.path).read('new', _IDS, broken) is None
  (line,) = broken.lines
  assert line.startswith('new.xml: <filename> names o.jpg, which o.xml')
  # One that nobody else describes is the picture, whatever the file's name.
  os.remove(os.path.join(voc_folder.path, 'Annotations', 'o.xml'))
  image = voc.VocFolder(voc_folder.path).read('new', _IDS, broken)
  assert image.filename == 'o.jpg'


def test_count_of_turned_pictures_is_told_and_no_fault(voc_folder, broken):
  voc_folder.add('a', ('dog', (1, 2, 3, 4)), size=(60, 80))
  image = Image.new('RGB', (80, 60))
  exif = image.getexif()
  exif[274] = 6
  image.save(voc_folder.image('a.jpg'), exif=exif)
  read = voc.VocFolder(voc_folder.path).read('a', _IDS, broken)
  assert (read.file.width, read.file.height) == (60, 80)
  broken.conclude(strict=True)
  assert broken.lines == ['1 picture was turned upright, as EXIF data ask for']
