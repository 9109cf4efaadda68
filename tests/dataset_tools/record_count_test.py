import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import record_count


def _write(path, records):
  with tf.io.TFRecordWriter(str(path)) as writer:
    for record in records:
      writer.write(record)


def test_counts_the_records_of_all_shards(tmp_path):
  _write(tmp_path / 'a-0.record', [b'', b'one', b'x' * 100000])
  _write(tmp_path / 'a-1.record', [b'two'])
  _write(tmp_path / 'b.record', [b'three'] * 5)
  assert record_count.count([str(tmp_path / 'a-*')]) == 4
  assert (
    record_count.count([str(tmp_path / 'a-1.record'), str(tmp_path / 'b*')])
    == 6
  )


def test_file_that_is_cut_off_is_an_error(tmp_path):
  path = tmp_path / 'a.record'
  _write(path, [b'one', b'two'])
  whole = path.read_bytes()
  for size in (len(whole) - 1, len(whole) // 2 + 3):
    path.write_bytes(whole[:size])
    with pytest.raises(errors.InputError, match='no TFRecord file, or is cut'):
      record_count.count([str(path)])


def test_missing_file_is_an_error(tmp_path):
  with pytest.raises(errors.InputError, match='no record file at .*none'):
    record_count.count([str(tmp_path / 'none')])
