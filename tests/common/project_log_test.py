import logging

import pytest
import tensorflow.compat.v1 as tf
import tiny_model

from object_detection_pruning.common import project_log
from object_detection_pruning.hooks import model_pruning_hook
from object_detection_pruning.training import warm_start


@pytest.fixture
def logger():
  logger = tf.get_logger()
  handler = project_log.OwnLines()
  logger.addHandler(handler)
  level = logger.level
  logger.setLevel(logging.DEBUG)
  yield logger
  logger.removeHandler(handler)
  logger.setLevel(level)


def test_shows_lines_of_this_project_and_no_others(logger, capsys, tmp_path):
  tf.logging.warning('of the test')
  logger.info('of others')
  with warm_start.summarized():
    logger.warning('Variable [a] is not available in checkpoint')
  # hooks/ is reached through a symbolic link.
  hook = model_pruning_hook.ModelPruningHook(0.5, 5, 9, last_step=9)
  tiny_model.train(tmp_path, 2, [hook])
  lines = [
    line
    for line in capsys.readouterr().err.splitlines()
    if 'WARNING' not in line
  ]
  assert lines == [
    'Warm start: 0 variables restored, 1 that it does not have start fresh '
    '(a).',
    'the run ended at global step 2, before start_step 5: nothing was pruned',
  ]
