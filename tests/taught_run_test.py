"""A run of `model_main` with a teacher that is started again."""

import glob
import os
import shutil

import processes
import pytest
import tensorflow.compat.v1 as tf
import trained

from object_detection_pruning.common import checkpoints

MODEL_MAIN = 'object_detection_pruning.model_main'
STEPS = (trained.LAST_STEP + 1, trained.LAST_STEP + 2)


@pytest.fixture(scope='module')
def taught(run, tmp_path_factory):
  """The folder of the run, after it went on twice with itself as teacher."""
  model_dir = str(tmp_path_factory.mktemp('taught') / 'model')
  shutil.copytree(run.model_dir, model_dir)
  for path in glob.glob(os.path.join(model_dir, 'events*')):
    os.remove(path)
  flags = [
    f'--pipeline_config_path={run.config_path}',
    f'--model_dir={model_dir}',
    f'--teacher={checkpoints.resolve(run.model_dir)}',
    *trained.FLAGS[1:],
  ]
  lists = [[*flags, '--dry_run', f'--num_train_steps={STEPS[0]}']]
  lists += [[*flags, f'--num_train_steps={step}'] for step in STEPS]
  results = processes.command(MODEL_MAIN, lists[:1])
  for each in lists[1:]:
    results += processes.command(MODEL_MAIN, [each])
  for result in results:
    assert result.returncode == 0, result.stderr
  return model_dir


def test_a_run_with_a_teacher_goes_on_and_saves_nothing_of_it(run, taught):
  latest = checkpoints.resolve(taught)
  assert os.path.basename(latest) == f'model.ckpt-{STEPS[-1]}'
  before = checkpoints.shapes(checkpoints.resolve(run.model_dir))
  assert checkpoints.shapes(latest) == before
  # That of a run without a teacher.
  (meta,) = glob.glob(
    os.path.join(run.model_dir, f'model.ckpt-{trained.LAST_STEP}.meta')
  )
  weights = os.path.getsize(latest + '.data-00000-of-00001')
  more = os.path.getsize(latest + '.meta') - os.path.getsize(meta)
  assert 0 < more < weights / 4
  more = [
    os.path.getsize(os.path.join(folder, 'graph.pbtxt'))
    for folder in (run.model_dir, taught)
  ]
  # Escaped, each byte of a weight takes up to four.
  assert 0 < more[1] - more[0] < weights


def test_the_teacher_counts_before_and_after_the_restart(taught):
  losses = [
    value.simple_value
    for path in glob.glob(os.path.join(taught, 'events*'))
    for event in tf.train.summary_iterator(path)
    for value in event.summary.value
    if value.tag.startswith('Loss/distillation/')
  ]
  assert len(losses) == 3 * len(STEPS)
  assert all(0 <= value < 100 for value in losses)
