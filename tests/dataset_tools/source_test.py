import pytest
from hypothesis import given
from hypothesis import strategies as st

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import source


@given(st.lists(st.text(max_size=4), min_size=2, unique=True), st.randoms())
def test_each_item_falls_on_the_same_side_in_any_order(names, random):
  train, val = source.divided(names)
  assert sorted(train + val) == sorted(names)
  assert len(val) == max(1, round(len(names) / 5))
  assert train == [name for name in names if name in set(train)]
  shuffled = list(names)
  random.shuffle(shuffled)
  assert set(source.divided(shuffled)[1]) == set(val)


def test_goes_by_the_name_of_an_item():
  names = [f'{number}.jpg' for number in range(10)]
  items = [{'file': name} for name in names]
  _, val = source.divided(items, lambda item: item['file'])
  assert [item['file'] for item in val] == source.divided(names)[1]


def test_is_not_simply_the_end_of_the_list():
  names = [f'{number:03d}' for number in range(100)]
  _, val = source.divided(names)
  assert val != names[-20:] and min(val) < '050' < max(val)


def test_refuses_a_single_image():
  with pytest.raises(errors.InputError, match='at least 2 images.*got 1'):
    source.divided(['a'])
