import io

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

from object_detection_pruning.common import pictures

NOISE = np.random.RandomState(0).randint(0, 256, (6, 8, 3)).astype(np.uint8)
DEEP = np.uint16([[0, 5000, 40000, 65535]])
SCALED = [[0, 19, 156, 255]]


def encoded(image, file_format='PNG', **settings):
  buffer = io.BytesIO()
  image.save(buffer, file_format, **settings)
  return buffer.getvalue()


def as_tensorflow(data):
  with tf.Graph().as_default(), tf.Session() as session:
    return session.run(tf.image.decode_image(data, channels=3))


@pytest.mark.parametrize('file_format', ['PNG', 'TIFF'])
def test_grey_of_16_bits_is_scaled(file_format):
  data = encoded(Image.fromarray(DEEP), file_format)
  pixels = np.array(pictures.to_rgb(pictures.open_encoded(data)))
  for channel in range(3):
    np.testing.assert_array_equal(pixels[..., channel], SCALED)
  if file_format == 'PNG':
    np.testing.assert_array_equal(pixels, as_tensorflow(data))


def test_tiff_whose_zero_is_white_is_turned_around():
  data = encoded(Image.fromarray(DEEP), 'TIFF', tiffinfo={262: 0})
  image = pictures.open_encoded(data)
  assert image.tag_v2[262] == 0
  pixels = np.array(pictures.to_rgb(image))[..., 0]
  np.testing.assert_array_equal(pixels, 255 - np.array(SCALED))


@pytest.mark.parametrize('mode', ['F', 'I'])
def test_grey_without_a_known_range_is_refused(mode):
  image = Image.new(mode, (4, 4), 300)
  data = encoded(image, 'TIFF')
  with pytest.raises(ValueError, match='32 bits'):
    pictures.to_rgb(pictures.open_encoded(data))


@pytest.mark.parametrize(
  'file_format, mode',
  [
    ('PNG', 'P'),
    ('PNG', 'LA'),
    ('PNG', 'RGBA'),
    ('PNG', '1'),
    ('JPEG', 'L'),
    ('JPEG', 'CMYK'),
  ],
)
def test_other_kinds_come_out_as_training_sees_them(file_format, mode):
  image = Image.fromarray(NOISE)
  if mode == 'RGBA':
    image.putalpha(Image.fromarray(NOISE[..., 0]))
  data = encoded(image.convert(mode), file_format)
  ours = np.array(pictures.to_rgb(pictures.open_encoded(data))).astype(int)
  # Two versions of libjpeg may round differently.
  tolerance = 2 if file_format == 'JPEG' else 0
  assert np.abs(ours - as_tensorflow(data)).max() <= tolerance


@pytest.mark.parametrize('orientation', range(1, 9))
def test_every_orientation_is_turned_upright(orientation):
  image = Image.fromarray(NOISE)
  exif = image.getexif()
  exif[274] = orientation
  opened = pictures.open_encoded(encoded(image, exif=exif))
  assert pictures.is_turned(opened) == (orientation != 1)
  stored = np.array(pictures.to_rgb(opened, upright=False))
  np.testing.assert_array_equal(stored, NOISE)
  upright = {
    1: NOISE,
    2: NOISE[:, ::-1],
    3: NOISE[::-1, ::-1],
    4: NOISE[::-1],
    5: NOISE.transpose(1, 0, 2),
    6: np.rot90(NOISE, -1),
    7: np.rot90(NOISE, 2).transpose(1, 0, 2),
    8: np.rot90(NOISE),
  }[orientation]
  np.testing.assert_array_equal(np.array(pictures.to_rgb(opened)), upright)


def test_count_of_turned_pictures_is_said():
  lines = []
  for count in (0, 1, 3):
    pictures.say_turned(count, lines.append)
  assert lines == [
    '1 picture was turned upright, as EXIF data ask for',
    '3 pictures were turned upright, as EXIF data ask for',
  ]
