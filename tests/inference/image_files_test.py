import numpy as np
import pytest
from PIL import Image

from object_detection_pruning.common import errors
from object_detection_pruning.inference import image_files


@pytest.fixture
def folder(tmp_path):
  for name in ('b.jpg', 'a.PNG', 'c.txt', 'sub/d.png'):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b'')
  (tmp_path / 'folder.png').mkdir()
  return tmp_path


def names(folder, *places):
  paths = image_files.find(str(folder / place) for place in places)
  return [path[len(str(folder)) + 1 :] for path in paths]


def test_folder_gives_the_images_right_in_it_sorted(folder):
  assert names(folder, '') == ['a.PNG', 'b.jpg']


def test_pattern_gives_images_alone(folder):
  assert names(folder, '*/*') == ['sub/d.png']
  assert names(folder, '?.*') == ['a.PNG', 'b.jpg']


def test_file_is_taken_whatever_its_ending_and_only_once(folder):
  assert names(folder, 'c.txt', 'b.jpg', 'b.*') == ['c.txt', 'b.jpg']


def test_folder_whose_name_looks_like_a_pattern_is_a_folder(tmp_path):
  (tmp_path / 'run[1]').mkdir()
  (tmp_path / 'run[1]/x.png').write_bytes(b'')
  assert names(tmp_path, 'run[1]') == ['run[1]/x.png']


@pytest.mark.parametrize(
  ('place', 'message'),
  [
    ('none.jpg', 'no such image, folder or pattern: .*none.jpg'),
    ('folder.png', 'no image in .*folder.png'),
    ('*.gif', r'no image in .*\*.gif'),
  ],
)
def test_place_without_images_is_named(folder, place, message):
  with pytest.raises(errors.InputError, match=message):
    names(folder, 'b.jpg', place)


def test_no_place_is_refused():
  with pytest.raises(errors.InputError, match='no image, folder or pattern'):
    image_files.find([])


@pytest.mark.parametrize('mode', ['L', 'P', 'RGBA', 'CMYK', '1', 'LA'])
def test_every_kind_of_image_is_read_as_rgb(tmp_path, mode):
  path = str(tmp_path / 'image.tif')
  Image.new('RGB', (7, 5), (255, 255, 255)).convert(mode).save(path)
  image = image_files.read(path)
  assert (image.dtype, image.shape) == (np.uint8, (5, 7, 3))
  assert (image == 255).all()


def test_image_is_turned_as_its_camera_noted(tmp_path):
  image = Image.new('RGB', (8, 4))
  image.paste((255, 255, 255), (0, 0, 4, 4))
  exif = image.getexif()
  exif[274] = 6  # The top of the scene is at the right of the stored image.
  image.save(str(tmp_path / 'turned.png'), exif=exif)
  turned = image_files.read(str(tmp_path / 'turned.png'))
  assert turned.shape == (8, 4, 3)
  assert (turned[:4] == 255).all() and (turned[4:] == 0).all()


def test_unreadable_image_is_named(tmp_path):
  good = tmp_path / 'good.png'
  Image.new('RGB', (50, 50), (1, 2, 3)).save(str(good))
  cut = tmp_path / 'cut.png'
  cut.write_bytes(good.read_bytes()[:60])
  for path in (str(cut), str(tmp_path / 'missing.png')):
    with pytest.raises(errors.InputError, match='cannot be read') as caught:
      image_files.read(path)
    assert path in str(caught.value)
    assert '\n' not in str(caught.value)


def test_pictures_of_equal_names_do_not_replace_each_other():
  paths = ['a/x.png', 'b/x.jpg', 'x_2.png', 'y.tar.png', 'c/x.png']
  assert image_files.picture_names(paths) == [
    'x.jpg',
    'x_2.jpg',
    'x_2_2.jpg',
    'y.tar.jpg',
    'x_3.jpg',
  ]
