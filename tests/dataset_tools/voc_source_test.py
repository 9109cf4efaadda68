import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import source, voc, voc_source


@pytest.mark.parametrize(
  'lists, expected',
  [
    ({'train': 'ab', 'val': 'c', 'trainval': 'abc', 'test': 'd'}, ('ab', 'c')),
    ({'trainval': 'abc', 'test': 'd'}, ('abc', 'd')),
    ({'train': 'ab', 'test': 'd'}, ('ab', 'd')),
  ],
)
def test_takes_lists_that_do_not_overlap(voc_folder, lists, expected):
  for image_set, names in lists.items():
    voc_folder.list(image_set, *names)
  train, val = voc_source.splits(voc.VocFolder(voc_folder.path))
  assert (''.join(train), ''.join(val)) == expected


def test_never_evaluates_on_what_it_trains_on(voc_folder):
  voc_folder.list('trainval', *'abcdefghij')
  voc_folder.list('val', *'ij')
  train, val = voc_source.splits(voc.VocFolder(voc_folder.path))
  assert (len(train), len(val)) == (8, 2)
  assert not set(train) & set(val)


def test_holds_a_fifth_of_the_only_list_back(voc_folder):
  voc_folder.list('train', *'abcdefghij')
  voc_folder.add('z')
  splits = voc_source.splits(voc.VocFolder(voc_folder.path))
  assert splits == source.divided(list('abcdefghij'))


def test_holds_a_fifth_of_all_images_back_without_lists(voc_folder):
  for name in 'abcdefghij':
    voc_folder.add(name)
  splits = voc_source.splits(voc.VocFolder(voc_folder.path))
  assert splits == source.divided(list('abcdefghij'))


def test_refuses_a_folder_without_annotations(voc_folder):
  with pytest.raises(errors.InputError, match='has no annotations'):
    voc_source.splits(voc.VocFolder(voc_folder.path))
