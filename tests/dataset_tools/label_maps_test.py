import pytest
from object_detection.utils import label_map_util

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import label_maps


def _save(tmp_path, text):
  path = tmp_path / 'label_map.pbtxt'
  path.write_bytes(text.encode())
  return str(path)


def test_stock_code_reads_what_is_written(tmp_path):
  ids = {'traffic light': 10, 'café': 3, 'a "b" \\c': 7}
  text = label_maps.to_text(ids)
  assert 'café' in text
  path = _save(tmp_path, text)
  assert label_map_util.get_label_map_dict(path) == ids
  assert label_maps.read(path) == ids


def test_classes_are_written_in_the_order_of_their_ids():
  text = label_maps.to_text({'b': 2, 'a': 9, 'c': 1})
  assert [text.index(f'"{name}"') for name in 'cba'] == sorted(
    text.index(f'"{name}"') for name in 'abc'
  )


def test_reads_display_names_too(tmp_path):
  path = _save(
    tmp_path, 'item { name: "/m/01g317" id: 1 display_name: "person" }'
  )
  assert label_maps.read(path) == {'/m/01g317': 1, 'person': 1}


@pytest.mark.parametrize(
  'text, reason',
  [
    ('', 'has no classes'),
    ('item { name: "a" id: 0 }', 'is no label map: .* id 0 is reserved'),
    ('item { name: "a" id: 1 } item { name: "a" id: 2 }', "'a' twice"),
  ],
)
def test_says_why_a_label_map_is_broken(tmp_path, text, reason):
  with pytest.raises(errors.InputError, match=reason) as caught:
    label_maps.read(_save(tmp_path, text))
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  'content',
  [
    b'hello',
    b'cat\ndog\n',
    b'{"cat": 1}',
    b'item { name: "a" id: 1',
    '\x00\x01é'.encode(),
    b'\xff\xfe',
  ],
)
def test_says_what_a_label_map_is_where_there_is_none(tmp_path, content):
  path = tmp_path / 'label_map.pbtxt'
  path.write_bytes(content)
  with pytest.raises(errors.InputError) as caught:
    label_maps.read(str(path))
  assert str(caught.value) == (
    f'{path} is no label map: it must be a text file of items such as '
    'item { name: "cat" id: 1 }'
  )


def test_a_missing_label_map_is_named():
  with pytest.raises(errors.InputError, match='nowhere.pbtxt does not exist'):
    label_maps.read('nowhere.pbtxt')


def test_another_label_map_is_not_replaced(tmp_path):
  path = _save(tmp_path, label_maps.to_text({'a': 1}))
  label_maps.check_replaceable(path, {'a': 1})
  label_maps.check_replaceable(path + '.new', {'b': 1})
  with pytest.raises(errors.InputError, match='has other classes'):
    label_maps.check_replaceable(path, {'a': 2})


def test_map_without_a_class_of_the_data_is_refused():
  label_maps.check_classes('map', {'cat': 1, 'dog': 2}, ['dog', 'owl'])
  label_maps.check_classes('map', {'cat': 1}, [])
  with pytest.raises(errors.InputError) as error:
    label_maps.check_classes('map', {'zebra': 1}, ['owl', 'cell'])
  assert str(error.value) == (
    "map has no class of this data: it has 'zebra', and the data have "
    "'cell', 'owl'"
  )


@pytest.mark.parametrize(
  'found, known, foreign',
  [
    ([1, 2, 3], [1, 3], None),
    ([], [1, 3], None),
    ([5, 1, 4], [1, 3], 4),
    # Stock knows a class 0 as the background alone, where the map names it.
    ([0, 1], [1], 0),
    ([0, 1], [0, 1], None),
  ],
)
def test_ids_below_the_largest_are_none_of_another_map(found, known, foreign):
  assert label_maps.first_foreign(found, known) == foreign
