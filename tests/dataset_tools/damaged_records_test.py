import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import damaged_records


@pytest.fixture
def files(tmp_path):
  """Two record files, the second of which is cut off."""
  for name in ('a', 'b'):
    with tf.io.TFRecordWriter(str(tmp_path / name)) as writer:
      for _ in range(3):
        writer.write(b'x' * 20)
  whole = (tmp_path / 'b').read_bytes()
  (tmp_path / 'b').write_bytes(whole[:-7])
  return tmp_path


def read(files, name):
  record = tf.data.TFRecordDataset([str(files / name)]).make_one_shot_iterator()
  record = record.get_next()
  with tf.Session() as session:
    for _ in range(3):
      session.run(record)


def test_file_that_is_cut_off_is_named(files):
  with pytest.raises(errors.InputError) as error, damaged_records.named(
    [str(files / '*')]
  ):
    read(files, 'b')
  assert str(error.value) == f'{files}/b is damaged: truncated record at 72'


def test_whole_files_pass(files):
  with damaged_records.named([str(files / '*')]):
    read(files, 'a')


def test_damage_elsewhere_stays_what_it_is(files):
  with pytest.raises(tf.errors.DataLossError), damaged_records.named(
    [str(files / 'a')]
  ):
    read(files, 'b')
