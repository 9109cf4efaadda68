import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tiny_model

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.protos import pruning_pb2
from object_detection_pruning.training import rewinding

WEIGHTS, MASK = np.ones((2, 3), np.float32), np.eye(2, 3, dtype=np.float32)


def tensors(**more):
  found = {
    'a/weights': WEIGHTS,
    'a/mask': MASK,
    'a/threshold': np.float32(0.1),
    'global_step': np.int64(9),
  }
  return {**found, **{name.replace('__', '/'): v for name, v in more.items()}}


def write(folder, name, values):
  prefix = str(folder / name)
  checkpoints.write(prefix, values)
  return prefix


def test_training_goes_on_from_early_weights_under_late_masks(tmp_path):
  early, late, folder = (tmp_path / name for name in ('early', 'late', 'new'))
  tiny_model.train(early, 2, [tf.train.SessionRunHook()])
  tiny_model.train(late, 16)
  wanted = rewinding.Rewinding(
    *(checkpoints.resolve(str(each)) for each in (early, late))
  )
  prefix = rewinding.write(wanted, str(folder))
  assert prefix.endswith('model.ckpt-2')
  written, before = tiny_model.latest(folder), tiny_model.latest(early)
  masks = tiny_model.latest(late)
  assert (masks['net/mask'] == 0).sum() == 23
  assert set(written) == set(before)
  for name, value in written.items():
    source = masks if name in ('net/mask', 'net/threshold') else before
    np.testing.assert_array_equal(value, source[name], err_msg=name)
  tiny_model.train(folder, 7, [tf.train.SessionRunHook()])
  trained = tiny_model.latest(folder)
  assert trained['global_step'] == 7
  np.testing.assert_array_equal(trained['net/mask'], masks['net/mask'])
  # The same command again goes on where it was.
  assert rewinding.write(wanted, str(folder)) is None
  assert tiny_model.latest(folder)['global_step'] == 7


def test_what_was_written_can_be_removed(tmp_path):
  early = write(tmp_path, 'early', tensors())
  late = write(tmp_path, 'late', tensors())
  folder = tmp_path / 'new'
  folder.mkdir()
  (folder / 'notes.txt').write_text('')
  rewinding.remove(
    rewinding.write(rewinding.Rewinding(early, late), str(folder))
  )
  assert [path.name for path in folder.iterdir()] == ['notes.txt']


def test_step_is_that_of_the_weights_or_zero(tmp_path):
  early = write(tmp_path, 'early', tensors())
  late = write(tmp_path, 'late', tensors(global_step=np.int64(50)))
  for keeps, step in ((True, 9), (False, 0)):
    wanted = rewinding.Rewinding(early, late, keeps)
    found = rewinding.rewound(wanted, tensors(), tensors())
    assert wanted.step == found['global_step'] == step
    assert found['global_step'].dtype == np.int64


def test_masks_of_the_later_alone_count_and_the_rest_is_of_the_earlier(
  tmp_path,
):
  early = write(tmp_path, 'early', tensors())
  found = rewinding.rewound(
    rewinding.Rewinding(early, 'late'),
    tensors(b__kernel=WEIGHTS, b__mask=MASK, a__weights__Momentum=MASK),
    tensors(a__mask=1 - MASK, a__weights=7 * WEIGHTS, b__kernel=WEIGHTS),
  )
  assert 'b/mask' not in found
  np.testing.assert_array_equal(found['a/mask'], 1 - MASK)
  np.testing.assert_array_equal(found['a/weights'], WEIGHTS)
  np.testing.assert_array_equal(found['a/weights/Momentum'], MASK)


@pytest.mark.parametrize(
  'earlier, later, words',
  [
    (tensors(), {'a/weights': WEIGHTS}, 'late has no masks to rewind under'),
    (
      {'b/weights': WEIGHTS},
      tensors(),
      'kernel a/weights has a mask of [2, 3] in late, and early has none',
    ),
    (
      tensors(a__weights=np.ones((4, 3))),
      tensors(),
      'and early has it as [4, 3]: both must be of the same network',
    ),
  ],
)
def test_checkpoints_that_do_not_fit_are_refused(earlier, later, words):
  with pytest.raises(errors.InputError) as error:
    rewinding.rewound(rewinding.Rewinding('early', 'late'), earlier, later)
  assert words in str(error.value)
  assert '\n' not in str(error.value)


def test_optimizer_that_the_weights_lack_is_named():
  tiny_model.build()
  shapes = {v.op.name: tuple(v.shape.as_list()) for v in tf.global_variables()}
  rewinding.check_whole('early', shapes)
  del shapes['net/weights/Momentum']
  with pytest.raises(errors.InputError) as error:
    rewinding.check_whole('early', shapes)
  assert str(error.value).startswith(
    '1 variables of this training, net/weights/Momentum for one, are not as'
  )


def test_message_names_both_checkpoints_and_a_step_before_the_end(tmp_path):
  early = write(tmp_path, 'early', tensors())
  message = pruning_pb2.Pruning(rewind_checkpoint=early)
  wanted = rewinding.Rewinding(early, early, True)
  assert rewinding.from_message(message, early, 10) == wanted
  assert rewinding.from_message(pruning_pb2.Pruning(), early, 10) is None
  for given, start, words in (
    (message, '', 'the masks are those of the fine_tune_checkpoint'),
    (message, early, 'is at step 9, which must be before the last training'),
    (
      pruning_pb2.Pruning(rewind_checkpoint='nowhere'),
      early,
      "no checkpoint at 'nowhere'",
    ),
    (
      pruning_pb2.Pruning(rewind_step=False),
      early,
      'rewind_step is set but rewind_checkpoint is not',
    ),
  ):
    with pytest.raises(errors.InputError) as error:
      rewinding.from_message(given, start, 9)
    assert words in str(error.value)
  from_zero = pruning_pb2.Pruning(rewind_checkpoint=early, rewind_step=False)
  assert rewinding.from_message(from_zero, early, 9).step == 0
