"""A VOC folder as a data set with two splits."""

from typing import List, Tuple

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import source, voc

# Each pair is disjoint in VOC, unlike trainval and val.
_PAIRS = (('train', 'val'), ('trainval', 'test'), ('train', 'test'))


def open_folder(data_dir: str) -> source.Source:
  """Opens a VOC folder.

  Args:
    data_dir: the folder that holds `Annotations` and `JPEGImages`.

  Returns:
    All annotated classes in alphabetical order, and the splits of `splits`.

  Raises:
    errors.InputError: if it is no VOC folder, or too little is in it.
  """
  folder = voc.VocFolder(data_dir)
  train, val = splits(folder)
  class_ids = folder.class_ids()

  def read(name, broken):
    return folder.read(name, class_ids, broken)

  return source.Source(
    class_ids, source.Split(train, read), source.Split(val, read)
  )


def splits(folder: voc.VocFolder) -> Tuple[List[str], List[str]]:
  """Which images to train and to evaluate on.

  Args:
    folder: the VOC folder.

  Returns:
    The names of train and val; where one is not listed, trainval and test,
    or train and test; where there is one list only, a fifth of it is held
    back, and where there is none, a fifth of all images.

  Raises:
    errors.InputError: if there are too few images.
  """
  for train, val in _PAIRS:
    if folder.has_list(train) and folder.has_list(val):
      return folder.names(train), folder.names(val)
  for image_set in ('trainval', 'train', 'val', 'test'):
    if folder.has_list(image_set):
      return source.divided(folder.names(image_set))
  names = folder.all_names()
  if not names:
    raise errors.InputError(f'{folder.path} has no annotations')
  return source.divided(names)
