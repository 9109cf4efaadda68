import errno
import os

import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import faults


def of_tensorflow(kind, words):
  return kind(None, None, f'{words}\n\t [[node save/SaveV2 (defined at x.py)]]')


@pytest.mark.parametrize(
  'error, line',
  [
    (
      OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), '/out/a.pb'),
      '/out/a.pb: the disk is full: free some space and start again',
    ),
    (
      OSError(errno.EROFS, os.strerror(errno.EROFS), '/out/a.pb'),
      '/out/a.pb: the disk is read-only: choose another folder',
    ),
    (
      OSError(errno.ESTALE, os.strerror(errno.ESTALE)),
      'the network folder was lost: mount it and start again',
    ),
    (
      of_tensorflow(
        tf.errors.ResourceExhaustedError,
        '/out/model.ckpt-4.meta.tmp12ab; No space left on device',
      ),
      '/out/model.ckpt-4.meta: the disk is full: free some space and '
      'start again',
    ),
    (
      of_tensorflow(
        tf.errors.PermissionDeniedError, '/out/events; Permission denied'
      ),
      '/out/events: no permission: choose another folder, or change its mode',
    ),
    (
      of_tensorflow(tf.errors.ResourceExhaustedError, 'OOM when allocating'),
      'no memory is left: take smaller batches or images, or fewer at once',
    ),
    (
      FileNotFoundError(errno.ENOENT, 'No such file or directory', 'a'),
      "[Errno 2] No such file or directory: 'a'",
    ),
    (of_tensorflow(tf.errors.DataLossError, 'corrupted'), 'corrupted'),
  ],
)
def test_a_fault_of_the_world_is_one_line_with_what_to_do(error, line):
  assert faults.describe(error) == line


@pytest.mark.parametrize(
  'error',
  [
    ValueError('No space left on device'),
    of_tensorflow(tf.errors.InvalidArgumentError, 'shapes do not match'),
  ],
)
def test_a_defect_of_the_program_is_none(error):
  assert faults.describe(error) is None


@pytest.mark.parametrize(
  'text, line',
  [
    ('', 'ValueError'),
    ('one\ntwo', 'one'),
    (
      'A remark. Original error:\n\nKey x not found\n\t [[node]]',
      'Key x not found',
    ),
    (
      'A remark. Original error:\n\nGraph execution error:\n\nDetected at node '
      '\'save/Assign\' defined at (most recent call last):\n    File "x.py"\n'
      "Node: 'save/Assign'\nlhs shape= [3]\n\t [[{{node save/Assign}}]]",
      'lhs shape= [3]',
    ),
  ],
)
def test_first_line_is_what_is_wrong(text, line):
  assert faults.first_line(ValueError(text)) == line
  of_an_op = tf.errors.InvalidArgumentError(None, None, text)
  expected = line if text else 'InvalidArgumentError'
  assert faults.first_line(of_an_op) == expected
