"""One process of a cluster that trains the tiny model under TF_CONFIG.

    python tests/cluster_worker.py MODEL_DIR LAST_STEP POLICY

Prints `update` for each mask update that this process makes, `step` for each
step, and where scores are that are gathered. With the policy `taught`, which is
`magnitude` beside a teacher, also where the teacher's weights are, and `taught`
for each step in which they are right.
"""

import sys
import time

import tensorflow.compat.v1 as tf
import tiny_model
import tiny_teacher

from object_detection_pruning import ConstantSchedule, ModelPruningHook
from object_detection_pruning.core import gathering, pruner, rewirer

# What is given to the hook beside the window.
POLICIES = {
  'magnitude': {},
  'random': {'criterion': 'random'},
  'taylor': {'criterion': 'taylor'},
  'movement_in_blocks': {'criterion': 'movement', 'granularity': '2x2'},
  '2:4': {'granularity': '2:4', 'target_sparsity': 0.5},
  'global': {'allocation': 'global'},
  'set': {'regrowth': 'set'},
  'rigl': {'regrowth': 'rigl'},
  'soft': {'regrowth': 'soft'},
}
TAUGHT = 'taught'


class PaceHook(tf.train.SessionRunHook):
  """Takes a time for each step, so that the others take some as well."""

  def __init__(self, secs):
    self._secs = secs

  def begin(self):
    for scores in tf.get_collection(gathering.SCORES):
      print(f'scores on {scores.device}', flush=True)

  def before_run(self, run_context):
    print('step', flush=True)
    time.sleep(self._secs)


class TeacherHook(tf.train.SessionRunHook):
  """Looks at what a teacher says in each step."""

  def __init__(self, answer):
    self._answer = answer

  def begin(self):
    for op in tf.get_default_graph().get_operations():
      if op.type == 'VarHandleOp' and op.name.startswith('teacher_weights'):
        print(f'teacher on {op.device}', flush=True)

  def before_run(self, run_context):
    return tf.train.SessionRunArgs(self._answer)

  def after_run(self, run_context, run_values):
    tiny_teacher.check(run_values.results)
    print('taught', flush=True)


def model_fn(features, labels, mode, config):
  last_step, policy = int(sys.argv[2]), POLICIES.get(sys.argv[3], {})
  regrowth = policy.get('regrowth')
  training = mode == tf.estimator.ModeKeys.TRAIN
  spec = tiny_model.model_fn(
    features,
    labels,
    mode,
    criterion=policy.get('criterion') if training else None,
    gradients=training and regrowth == 'rigl',
    soft_until=last_step if training and regrowth == 'soft' else None,
  )
  # The window ends with the run, and other workers may make the last step.
  window = {**tiny_model.WINDOW, 'end_step': last_step, **policy}
  if regrowth:
    del window['regrowth']
    schedule = ConstantSchedule(**window)
    hook = ModelPruningHook.from_schedule(schedule, regrowth=regrowth)
  else:
    hook = ModelPruningHook(**window)
  if sys.argv[3] == TAUGHT and training:
    taught = TeacherHook(tiny_teacher.predicted())
    spec = spec._replace(training_hooks=[taught])
  hooks = list(spec.training_hooks)
  if not config.is_chief:
    return spec._replace(training_hooks=[*hooks, hook, PaceHook(0.01)])
  saver = tf.train.CheckpointSaverHook(
    config.model_dir, save_steps=config.save_checkpoints_steps
  )
  return spec._replace(training_chief_hooks=[hook, PaceHook(0.05), saver])


def printing(update):
  def update_and_say(*args):
    print('update', flush=True)
    update(*args)

  return update_and_say


def main(model_dir, last_step, _):
  pruner.Pruner.update = printing(pruner.Pruner.update)
  rewirer.Rewirer.rewire = printing(rewirer.Rewirer.rewire)
  estimator = tf.estimator.Estimator(
    model_fn, model_dir, tf.estimator.RunConfig(save_checkpoints_steps=50)
  )
  tf.estimator.train_and_evaluate(
    estimator,
    tf.estimator.TrainSpec(tiny_model.input_fn, int(last_step)),
    tf.estimator.EvalSpec(
      tiny_model.input_fn, steps=1, start_delay_secs=0, throttle_secs=1
    ),
  )


if __name__ == '__main__':
  main(*sys.argv[1:])
