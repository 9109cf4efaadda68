import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import checkpoints, errors

TENSORS = {
  'a/weights': np.arange(6, dtype=np.float32).reshape(2, 3),
  'a/mask': np.float32([[0, 1, 1], [0, 0, 1]]),
  'global_step': np.int64(42),
  'name': np.array([b'x', b'yz'], object),
}


def test_reads_what_it_wrote(tmp_path):
  prefix = str(tmp_path / 'new/folder/model.ckpt-42')
  checkpoints.write(prefix, TENSORS)
  read = checkpoints.read(prefix)
  assert set(read) == set(TENSORS)
  for name, array in TENSORS.items():
    np.testing.assert_array_equal(read[name], array)
  assert read['a/weights'].dtype == np.float32
  assert checkpoints.shapes(prefix)['a/weights'] == (2, 3)
  assert checkpoints.global_step(prefix) == 42


def test_stock_saver_restores_it(tmp_path):
  prefix = str(tmp_path / 'model.ckpt')
  checkpoints.write(prefix, TENSORS)
  weights = tf.get_variable('a/weights', [2, 3])
  with tf.Session() as session:
    tf.train.Saver([weights]).restore(session, prefix)
    np.testing.assert_array_equal(session.run(weights), TENSORS['a/weights'])


def test_write_leaves_the_checkpoint_and_nothing_else(tmp_path):
  prefix = str(tmp_path / 'model.ckpt')
  for value in (1, 2):
    checkpoints.write(prefix, {'a': np.float32(value)})
    assert checkpoints.read(prefix)['a'] == value
    assert sorted(os.listdir(str(tmp_path))) == [
      'model.ckpt.data-00000-of-00001',
      'model.ckpt.index',
    ]


def test_sharded_checkpoint_is_replaced_whole(tmp_path):
  prefix = str(tmp_path / 'model.ckpt')
  prefix_of_shard = str(tmp_path / 'model.ckpt.data-0000%d-of-00002')
  for index in range(2):
    with open(prefix_of_shard % index, 'wb') as shard:
      shard.write(b'old')
  checkpoints.write(prefix, TENSORS)
  assert sorted(os.listdir(str(tmp_path))) == [
    'model.ckpt.data-00000-of-00001',
    'model.ckpt.index',
  ]


def test_failed_write_keeps_the_old_checkpoint_and_no_leftovers(
  tmp_path, monkeypatch
):
  prefix = str(tmp_path / 'model.ckpt')
  checkpoints.write(prefix, {'a': np.float32(1)})

  def full_disk(*_):
    raise OSError('no space left')

  monkeypatch.setattr(os, 'replace', full_disk)
  with pytest.raises(OSError, match='no space left'):
    checkpoints.write(prefix, {'a': np.float32(2)})
  assert checkpoints.read(prefix)['a'] == 1
  assert len(os.listdir(str(tmp_path))) == 2


def test_kill_before_the_end_keeps_the_old_checkpoint(tmp_path):
  prefix = str(tmp_path / 'model.ckpt')
  checkpoints.write(prefix, {'a': np.float32(1)})
  script = f"""
    import os, signal
    import numpy as np
    from object_detection_pruning.common import checkpoints
    os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    checkpoints.write({prefix!r}, {{'a': np.float32(2)}})
  """
  status = subprocess.call([sys.executable, '-c', textwrap.dedent(script)])
  assert status == -9
  assert checkpoints.read(prefix)['a'] == 1
  assert checkpoints.resolve(prefix) == prefix


def test_folder_stands_for_its_latest_checkpoint(tmp_path):
  prefix = str(tmp_path / 'model.ckpt-7')
  checkpoints.write(prefix, TENSORS)
  with pytest.raises(errors.InputError, match='no checkpoint in the folder'):
    checkpoints.resolve(str(tmp_path))
  checkpoints.name_latest(prefix)
  assert checkpoints.resolve(str(tmp_path)) == prefix
  assert checkpoints.resolve(prefix) == prefix


def test_latest_checkpoint_of_a_relative_or_moved_folder_is_found(
  tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  os.mkdir('run')
  checkpoints.write('run/model.ckpt', TENSORS)
  checkpoints.name_latest('run/model.ckpt')
  assert checkpoints.resolve('run') == 'run/model.ckpt'
  os.rename('run', 'moved')
  assert checkpoints.resolve('moved') == 'moved/model.ckpt'


@pytest.mark.parametrize('path', ['', 'nowhere/model.ckpt-1'])
def test_no_checkpoint_is_an_error_that_names_the_path(path):
  with pytest.raises(errors.InputError, match=f"no checkpoint at '{path}'"):
    checkpoints.resolve(path)


def test_step_is_zero_where_the_checkpoint_has_none(tmp_path):
  prefix = str(tmp_path / 'model.ckpt')
  checkpoints.write(prefix, {'a': np.float32(1)})
  assert checkpoints.global_step(prefix) == 0


def test_broken_file_is_told_in_one_line(tmp_path):
  prefix = tmp_path / 'model.ckpt'
  (tmp_path / 'model.ckpt.index').write_bytes(b'this is no index')
  with pytest.raises(errors.InputError, match='^cannot read checkpoint') as e:
    checkpoints.read(str(prefix))
  assert '\n' not in str(e.value)


def _halve(data):
  os.truncate(data, os.path.getsize(data) // 2)


@pytest.mark.parametrize('damage', [_halve, os.remove])
def test_damaged_values_are_told_in_one_line(tmp_path, damage):
  prefix = str(tmp_path / 'model.ckpt')
  tensors = {'global_step': np.int64(3), 'z': np.ones([100], np.float32)}
  checkpoints.write(prefix, tensors)
  damage(prefix + '.data-00000-of-00001')
  # The index is whole, so opening and shapes work.
  assert checkpoints.shapes(prefix)['z'] == (100,)
  for read in (checkpoints.read, lambda p: checkpoints.lookup(p)('z')):
    with pytest.raises(errors.InputError, match='^cannot read checkpoint') as e:
      read(prefix)
    assert prefix in str(e.value)
    assert '\n' not in str(e.value)


def test_changed_values_are_told(tmp_path):
  prefix = str(tmp_path / 'model.ckpt')
  checkpoints.write(prefix, {'global_step': np.int64(3)})
  with open(prefix + '.data-00000-of-00001', 'r+b') as file:
    file.write(b'\xff')
  with pytest.raises(errors.InputError, match='^cannot read checkpoint'):
    checkpoints.global_step(prefix)


def test_checkpoint_of_tensorflow_2_is_refused(tmp_path):
  with tf.Graph().as_default(), tf.Session() as session:
    variable = tf.get_variable('a', [2])
    session.run(variable.initializer)
    saved = tf.train.Checkpoint(a=variable).write(
      str(tmp_path / 'ckpt'), session=session
    )
  with pytest.raises(
    errors.InputError, match='is a checkpoint of TensorFlow 2'
  ):
    checkpoints.read(saved)
  with pytest.raises(
    errors.InputError, match='is a checkpoint of TensorFlow 2'
  ):
    checkpoints.shapes(saved)


def test_folder_whose_state_is_no_text_is_damaged(tmp_path):
  (tmp_path / 'checkpoint').write_bytes(bytes(range(128, 256)))
  with pytest.raises(errors.InputError, match='checkpoint names no checkpoint'):
    checkpoints.resolve(str(tmp_path))


def test_what_is_half_written_is_removed_before_and_after(tmp_path):
  digest = 'a' * 32
  kept = [
    'checkpoint',
    'graph.pbtxt',
    'model.ckpt-3.data-00000-of-00001',
    'model.ckpt-3.index',
    'model.ckpt-3.meta',
    'my.tmp',
  ]
  half = [
    f'checkpoint.tmp{digest}',
    f'model.ckpt-6.meta.tmp{digest}',
    f'model.ckpt-6_temp_{digest}',
    'model.ckpt-6.data-00000-of-00001',
    'model.ckpt-6.data-00000-of-00001.tempstate123',
    'model.ckpt-6.meta',
    '.pipeline.config.17.partial',
  ]

  def leave():
    for name in kept + half:
      if '_temp_' in name:
        (tmp_path / name).mkdir(exist_ok=True)
      else:
        (tmp_path / name).write_text('')

  leave()
  with pytest.raises(KeyboardInterrupt), checkpoints.tidied(str(tmp_path)):
    assert sorted(os.listdir(str(tmp_path))) == sorted(kept)
    leave()
    raise KeyboardInterrupt
  assert sorted(os.listdir(str(tmp_path))) == sorted(kept)
  with checkpoints.tidied(str(tmp_path / 'none')):
    pass


@pytest.mark.parametrize(
  'ending', ['.index', '.meta', '.data-00000-of-00001', '']
)
def test_any_file_of_a_checkpoint_stands_for_it(tmp_path, ending):
  prefix = str(tmp_path / 'model.ckpt-7')
  checkpoints.write(prefix, TENSORS)
  assert checkpoints.resolve(prefix + ending) == prefix
  assert checkpoints.prefix_of(prefix + ending) == prefix


def test_file_of_a_checkpoint_that_is_not_whole_is_none(tmp_path):
  (tmp_path / 'model.ckpt.meta').write_text('something')
  path = str(tmp_path / 'model.ckpt.meta')
  assert checkpoints.prefix_of(path) == path
  with pytest.raises(errors.InputError, match='no checkpoint at'):
    checkpoints.resolve(path)


def test_latest_of_a_folder_is_none_or_damaged(tmp_path):
  assert checkpoints.latest(str(tmp_path)) is None
  checkpoints.write(str(tmp_path / 'model.ckpt-1'), TENSORS)
  checkpoints.name_latest(str(tmp_path / 'model.ckpt-1'))
  assert checkpoints.latest(str(tmp_path)) == str(tmp_path / 'model.ckpt-1')
  (tmp_path / 'checkpoint').write_text('')
  with pytest.raises(errors.InputError, match='checkpoint names no checkpoint'):
    checkpoints.latest(str(tmp_path))


def test_a_state_that_names_no_checkpoint_is_an_error(tmp_path):
  (tmp_path / 'checkpoint').write_text('model_checkpoint_path: ""\n')
  with pytest.raises(errors.InputError, match='checkpoint names no checkpoint'):
    checkpoints.resolve(str(tmp_path))
