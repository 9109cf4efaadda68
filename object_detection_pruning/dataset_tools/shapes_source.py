"""Generated shapes as a data set with two splits."""

import io

import numpy as np
from PIL import Image

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import (
  boxes,
  examples,
  image_files,
  problems,
  shapes,
  source,
  styles,
)

# So that the val images stay the same whatever the number of train images.
_FIRST_VAL = 2**31


def generate(
  num_train: int,
  num_val: int,
  image_size: int,
  seed: int,
  style: str = 'standard',
) -> source.Source:
  """A data set of generated shapes; nothing is drawn yet.

  Args:
    num_train: number of images to train on, in [1, 2**31).
    num_val: number of images to evaluate on, in [1, 2**31).
    image_size: side of the square images in pixels.
    seed: names the data set.
    style: name of the scenes' style, a key of `styles.STYLES`.

  Returns:
    The data set; its instances have masks.

  Raises:
    errors.InputError: if an argument is out of its range.
  """
  for name, value in (('num_train', num_train), ('num_val', num_val)):
    if not 1 <= value < _FIRST_VAL:
      raise errors.InputError(f'{name} must be in [1, 2**31), got {value}')
  shapes.check(seed, 0, image_size)
  look = styles.find(style)

  def read(index: int, broken: problems.Problems) -> examples.AnnotatedImage:
    del broken  # A generated record is never broken.
    return draw(seed, index, image_size, look)

  val = range(_FIRST_VAL, _FIRST_VAL + num_val)
  return source.Source(
    {name: label for label, name in enumerate(shapes.CLASSES, 1)},
    source.Split(range(num_train), read),
    source.Split(val, read),
  )


def draw(
  seed: int,
  index: int,
  image_size: int,
  style: styles.Style = styles.STANDARD,
) -> examples.AnnotatedImage:
  """Draws a scene and annotates it.

  Args:
    seed: names the data set.
    index: which scene of it.
    image_size: side of the square image in pixels.
    style: of the scene.

  Returns:
    The scene as a JPEG; each box is that of the visible pixels.
  """
  scene = shapes.generate(seed, index, image_size, style)
  buffer = io.BytesIO()
  Image.fromarray(scene.image).save(
    buffer, format='JPEG', quality=92, subsampling=0
  )
  split = 'train' if index < _FIRST_VAL else 'val'
  name = f'shapes_{seed}_{split}_{index % _FIRST_VAL:05d}'
  return examples.AnnotatedImage(
    image_files.ImageFile(buffer.getvalue(), 'jpeg', image_size, image_size),
    filename=name + '.jpg',
    source_id=name,
    instances=[
      examples.Instance(
        label=label + 1,
        name=shapes.CLASSES[label],
        box=_tight_box(mask),
        area=float(np.count_nonzero(mask)),
        mask=mask,
      )
      for label, mask in zip(scene.labels, scene.masks)
    ],
  )


def _tight_box(mask: np.ndarray) -> boxes.Box:
  rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
  return boxes.Box(
    ymin=float(rows[0]),
    xmin=float(columns[0]),
    ymax=float(rows[-1] + 1),
    xmax=float(columns[-1] + 1),
  )
