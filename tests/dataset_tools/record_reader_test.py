import os

import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import record_reader


def _write(path, records):
  with tf.io.TFRecordWriter(str(path)) as writer:
    for record in records:
      writer.write(record)
  return str(path)


@pytest.fixture
def files(tmp_path):
  """Two record files, the second of which is cut off in its last record."""
  for name in 'ab':
    path = _write(tmp_path / name, [b'x' * 20] * 3)
  os.truncate(path, os.path.getsize(path) - 7)
  return tmp_path


DAMAGED = 'b is damaged after example 2: truncated record at 72'


def test_reads_the_records_of_all_files_with_their_location(tmp_path):
  paths = [
    _write(tmp_path / 'a', [b'one', b'']),
    _write(tmp_path / 'b', [b'two']),
  ]
  records = list(record_reader.read(paths))
  assert [record.data for record in records] == [b'one', b'', b'two']
  assert [record.location for record in records] == [
    f'{tmp_path}/a, example 1,',
    f'{tmp_path}/a, example 2,',
    f'{tmp_path}/b, example 1,',
  ]
  for limit in range(4):
    assert list(record_reader.read(paths, limit)) == records[:limit]


def test_counts_what_it_reads(tmp_path):
  _write(tmp_path / 'a-0.record', [b'', b'one', b'x' * 100000])
  _write(tmp_path / 'a-1.record', [b'two'])
  _write(tmp_path / 'b.record', [b'three'] * 5)
  for names, expected in ((['a-*'], 4), (['a-1.record', 'b*'], 6)):
    patterns = [str(tmp_path / name) for name in names]
    assert record_reader.count(patterns) == expected
    assert len(list(record_reader.read(record_reader.find(patterns)))) == (
      expected
    )


def test_patterns_name_files_in_order_and_once(tmp_path):
  for name in ('a-1', 'a-0', 'b', 'c[1]'):
    _write(tmp_path / name, [])
  patterns = [str(tmp_path / name) for name in ('b', 'a-*', 'a-0', 'c[1]')]
  found = record_reader.find(patterns)
  assert [os.path.basename(path) for path in found] == [
    'b', 'a-0', 'a-1', 'c[1]'
  ]  # fmt: skip


@pytest.mark.parametrize('missing', ['/no/record', '/no/record-*'])
def test_what_names_no_file_is_told(files, missing):
  patterns = [str(files / 'a'), missing]
  assert record_reader.find(patterns) == patterns[:1]
  assert record_reader.count(patterns) == 3
  for call, given in (
    (record_reader.find_each, patterns),
    (record_reader.find, [missing]),
    (record_reader.count, [missing]),
  ):
    with pytest.raises(errors.InputError) as caught:
      call(given, 'training record')
    assert str(caught.value) == f'no training record at {missing!r}'


def test_folder_is_no_record_file(tmp_path):
  with pytest.raises(errors.InputError, match='is a folder$'):
    record_reader.find([str(tmp_path)])
  with pytest.raises(errors.InputError, match='^no record file is given$'):
    record_reader.find([])


def test_file_that_is_cut_off_is_named(files):
  path = str(files / 'b')
  for call in (lambda: record_reader.count([path]), lambda: _read(path)):
    with pytest.raises(errors.InputError) as caught:
      call()
    assert str(caught.value) == f'{files}/{DAMAGED}'


def test_changed_bytes_are_told(tmp_path):
  path = _write(tmp_path / 'a', [b'one', b'two'])
  with open(path, 'r+b') as file:
    file.seek(-6, os.SEEK_END)
    file.write(b'!')
  with pytest.raises(errors.InputError, match='a is damaged after example 1: '):
    _read(path)


@pytest.mark.parametrize('content', [b'hello', b'this is no record file'])
def test_other_file_is_told_apart(tmp_path, content):
  path = tmp_path / 'a'
  path.write_bytes(content)
  for call in (
    lambda: record_reader.count([str(path)]),
    lambda: _read(str(path)),
  ):
    with pytest.raises(errors.InputError, match='a is no TFRecord file, or is'):
      call()


def test_what_is_no_example_is_named(tmp_path):
  path = _write(tmp_path / 'a', [tf.train.Example().SerializeToString(), b'b'])
  first, second = record_reader.read([path])
  assert first.parse() == tf.train.Example()
  with pytest.raises(errors.InputError) as caught:
    second.parse()
  assert str(caught.value) == f'{path}, example 2, is no tf.Example'


def test_emptiness_is_told(tmp_path):
  assert record_reader.is_empty(_write(tmp_path / 'a', []))
  assert not record_reader.is_empty(_write(tmp_path / 'b', [b'']))
  record_reader.check_not_empty(1, 'training set', ['a'])
  with pytest.raises(errors.InputError) as caught:
    record_reader.check_not_empty(0, 'training set', ['a', 'b'])
  assert str(caught.value) == 'the training set is empty: a, b'


def _read(path):
  return list(record_reader.read([path]))


def _read_by_dataset(files, name):
  record = tf.data.TFRecordDataset([str(files / name)]).make_one_shot_iterator()
  upcoming = record.get_next()
  with tf.Session() as session:
    for _ in range(3):
      session.run(upcoming)


def test_damage_that_tensorflow_meets_is_named(files):
  with pytest.raises(errors.InputError) as caught, record_reader.naming_damage(
    [str(files / '*')]
  ):
    _read_by_dataset(files, 'b')
  assert str(caught.value) == f'{files}/{DAMAGED}'


def test_whole_files_pass(files):
  with record_reader.naming_damage([str(files / '*')]):
    _read_by_dataset(files, 'a')


def test_damage_elsewhere_stays_what_it_is(files):
  with pytest.raises(tf.errors.DataLossError), record_reader.naming_damage(
    [str(files / 'a')]
  ):
    _read_by_dataset(files, 'b')
