import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import coco_categories


def test_ids_keep_their_gaps():
  assert coco_categories.label_ids({90: 'toothbrush', 1: 'person'}) == {
    'person': 1,
    'toothbrush': 90,
  }


def test_all_ids_move_up_where_one_is_the_background():
  assert coco_categories.label_ids({0: 'a', 4: 'b'}) == {'a': 1, 'b': 5}


def test_refuses_a_name_with_two_ids():
  with pytest.raises(errors.InputError, match="'a'.*label map"):
    coco_categories.label_ids({1: 'a', 2: 'a'})


def test_refuses_a_negative_id():
  with pytest.raises(errors.InputError, match='-1 is negative'):
    coco_categories.label_ids({-1: 'a'})


def test_refuses_an_id_that_no_label_map_can_hold():
  with pytest.raises(errors.InputError, match='3000000000 is more than'):
    coco_categories.label_ids({1: 'a', 3000000000: 'b'})


def test_two_files_may_have_classes_of_their_own():
  assert coco_categories.merged({1: 'a', 2: 'b'}, {2: 'b', 3: 'c'}) == {
    1: 'a',
    2: 'b',
    3: 'c',
  }


def test_refuses_files_that_disagree():
  with pytest.raises(errors.InputError, match="2 is 'b' in one.*'c' in the"):
    coco_categories.merged({2: 'b'}, {2: 'c'})


@pytest.mark.parametrize(
  'records, reason',
  [
    ([{'id': 1}], 'without an integer id or a name'),
    ([{'name': 'a'}], 'without an integer id or a name'),
    ([{'id': 1, 'name': 'a'}, {'id': 1, 'name': 'b'}], 'category 1 twice'),
  ],
)
def test_refuses_broken_records(records, reason):
  with pytest.raises(errors.InputError, match='x.json has .*' + reason):
    coco_categories.from_records(records, 'x.json')
