import io
import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

from object_detection_pruning.dataset_tools import image_files, problems

_PIXELS = np.random.RandomState(0).randint(0, 256, (6, 8, 3)).astype(np.uint8)


def _decoded(encoded):
  with tf.Graph().as_default(), tf.Session() as session:
    return session.run(tf.image.decode_image(encoded, channels=3))


@pytest.mark.parametrize(
  'name, mode, image_format',
  [
    ('a.jpg', 'RGB', 'jpeg'),
    ('a.jpg', 'L', 'jpeg'),
    ('a.jpg', 'CMYK', 'jpeg'),
    ('a.png', 'RGB', 'png'),
    ('a.png', 'RGBA', 'png'),
    ('a.png', 'P', 'png'),
    ('a.png', '1', 'png'),
    ('a.png', 'LA', 'png'),
    ('a.png', 'I;16', 'png'),
  ],
)
def test_keeps_jpeg_and_png_and_tensorflow_decodes_them(
  tmp_path, name, mode, image_format
):
  path = str(tmp_path / name)
  if mode == 'I;16':
    deep = Image.new('I;16', (8, 6), 4000)
    deep.save(path)
  else:
    Image.fromarray(_PIXELS).convert(mode).save(path)
  image = image_files.read(path)
  with open(path, 'rb') as stream:
    assert image.encoded == stream.read()
  assert image[1:] == (image_format, 6, 8, False)
  assert _decoded(image.encoded).shape == (6, 8, 3)


@pytest.mark.parametrize('name', ['a.bmp', 'a.gif', 'a.tif', 'a.webp'])
def test_turns_other_formats_into_png(tmp_path, name):
  path = str(tmp_path / name)
  Image.fromarray(_PIXELS).save(path, lossless=True)
  image = image_files.read(path)
  assert image.format == 'png'
  with Image.open(path) as original:
    np.testing.assert_array_equal(
      _decoded(image.encoded), np.asarray(original.convert('RGB'))
    )


def test_goes_by_the_content_and_not_by_the_name(tmp_path):
  path = str(tmp_path / 'a.jpg')
  Image.fromarray(_PIXELS).save(path, format='PNG')
  assert image_files.read(path).format == 'png'


def _jpeg():
  buffer = io.BytesIO()
  noise = np.random.RandomState(1).randint(0, 256, (64, 64, 3))
  Image.fromarray(noise.astype(np.uint8)).save(buffer, format='JPEG')
  return buffer.getvalue()


@pytest.mark.parametrize(
  'content, reason',
  [
    (None, 'photo.jpg is missing'),
    (b'', 'not an image'),
    (b'hello', 'not an image'),
    (_jpeg()[:1500], 'truncated'),
    (image_files.png(Image.fromarray(_PIXELS))[:60], 'does not decode'),
  ],
)
def test_says_why_an_image_is_broken(tmp_path, content, reason):
  path = str(tmp_path / 'photo.jpg')
  if content is not None:
    with open(path, 'wb') as stream:
      stream.write(content)
  with pytest.raises(problems.BrokenRecord, match=reason) as caught:
    image_files.read(path)
  assert '\n' not in str(caught.value)
  assert str(tmp_path) not in str(caught.value)


def test_a_folder_is_no_image(tmp_path):
  os.makedirs(str(tmp_path / 'photo.jpg'))
  with pytest.raises(problems.BrokenRecord, match='cannot be read'):
    image_files.read(str(tmp_path / 'photo.jpg'))


def _turned(tmp_path, name):
  path = str(tmp_path / name)
  image = Image.new('RGB', (16, 8))
  image.paste((255, 0, 0), (0, 0, 8, 8))
  exif = image.getexif()
  exif[274] = 6  # The left of the stored image is the top of the scene.
  image.save(path, exif=exif)
  return path


@pytest.mark.parametrize('name', ['a.jpg', 'a.png', 'a.webp'])
def test_turns_a_picture_as_its_camera_noted(tmp_path, name):
  image = image_files.read(_turned(tmp_path, name), '8', '16')
  assert image[2:] == (16, 8, True)
  pixels = _decoded(image.encoded)
  assert pixels[:8, ..., 0].min() > 200 and pixels[8:, ..., 0].max() < 55
  assert not Image.open(io.BytesIO(image.encoded)).getexif()


def test_boxes_of_the_picture_as_stored_get_it_as_stored(tmp_path):
  path = _turned(tmp_path, 'a.jpg')
  image = image_files.read(path, 16, 8)
  assert image[2:] == (8, 16, False)
  with open(path, 'rb') as stream:
    assert image.encoded == stream.read()
  with pytest.raises(problems.BrokenRecord, match='annotated at 9x9'):
    image_files.read(path, 9, 9)


def test_tiff_of_16_bits_keeps_its_grey_values(tmp_path):
  path = str(tmp_path / 'a.tif')
  Image.fromarray(np.full((6, 8), 40000, np.uint16)).save(path)
  pixels = _decoded(image_files.read(path).encoded)
  assert pixels.shape == (6, 8, 3) and (pixels == 156).all()
