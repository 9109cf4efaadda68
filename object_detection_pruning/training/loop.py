"""A whole training run: train, evaluate, re-calibrate batch norm."""

from typing import Any, Dict, Optional

import tensorflow.compat.v1 as tf
from object_detection import model_lib as stock_model_lib
from object_detection.protos import pipeline_pb2

from object_detection_pruning.batch_norm import recalibration
from object_detection_pruning.builders import input_checks, pipeline
from object_detection_pruning.common import checkpoints
from object_detection_pruning.dataset_tools import record_reader
from object_detection_pruning.evaluation import record_classes
from object_detection_pruning.training import serving

# The name that stock training gives to evaluations of its first set.
_EVALUATION = '0'


def train(
  run: Dict[str, Any],
  config: pipeline_pb2.TrainEvalPipelineConfig,
  throttle_secs: int = 600,
  recalibration_batches: Optional[int] = None,
) -> Optional[Dict[str, Any]]:
  """Trains, evaluates now and then, and re-calibrates batch norm at the end.

  The SavedModel of the stock trainer, in `export/Servo`, comes last.

  Args:
    run: from `model_lib.create_estimator_and_inputs`.
    config: the effective pipeline config, written into the model folder.
    throttle_secs: seconds at least between evaluations.
    recalibration_batches: training batches to average batch-norm statistics
      over once training is done; the last checkpoint is replaced before it is
      evaluated and exported. None leaves it as trained, and so does a model
      whose batch norm is all frozen, with a line in the log.

  Returns:
    Metrics of the last evaluation by name; None on all but the chief.

  Raises:
    InputError: a file of training or evaluation data is damaged.
  """
  with record_reader.naming_damage(input_checks.record_paths(config)):
    return _train(run, config, throttle_secs, recalibration_batches)


def _train(
  run: Dict[str, Any],
  config: pipeline_pb2.TrainEvalPipelineConfig,
  throttle_secs: int,
  recalibration_batches: Optional[int],
) -> Optional[Dict[str, Any]]:
  estimator = run['estimator']
  is_chief = estimator.config.is_chief
  if is_chief:
    pipeline.save(config, estimator.model_dir)

  def train_to(last_step: Optional[int]) -> Optional[Dict[str, Any]]:
    train_spec, eval_specs = stock_model_lib.create_train_and_eval_specs(
      run['train_input_fn'],
      run['eval_input_fns'],
      run['eval_on_train_input_fn'],
      run['predict_input_fn'],
      last_step,
      eval_on_train_data=False,
    )
    # What it exports has masks, and statistics that are measured anew later.
    eval_spec = eval_specs[0]._replace(
      throttle_secs=throttle_secs, exporters=()
    )
    result = tf.estimator.train_and_evaluate(estimator, train_spec, eval_spec)
    return result[0] if result else None

  soft = run['soft_filter_pruning']
  recalibration_once = _Recalibration(config, recalibration_batches)
  if soft is not None:
    metrics = soft.train(train_to)
  else:
    if is_chief and recalibration_once.is_due:
      recalibration_once.precede_evaluation(estimator, run['train_steps'])
    metrics = train_to(run['train_steps'])
  if not is_chief:
    return metrics
  checkpoint = checkpoints.resolve(estimator.model_dir)
  if recalibration_once.is_due and recalibration_once.run(checkpoint):
    # What was evaluated before, if anything, was not this.
    metrics = estimator.evaluate(
      run['eval_input_fns'][0], checkpoint_path=checkpoint, name=_EVALUATION
    )
  if pipeline.finds_objects(config):
    serving.export(config, checkpoint, estimator.model_dir)
  else:
    tf.logging.warning(
      'no SavedModel is written: a detector of one stage finds no objects'
    )
  return metrics


class _Recalibration:
  """Sets the batch-norm statistics of a run's last checkpoint, once."""

  def __init__(
    self,
    config: pipeline_pb2.TrainEvalPipelineConfig,
    batches: Optional[int],
  ):
    self._config, self._batches = config, batches
    self.is_due = bool(batches)

  def run(self, checkpoint: str) -> bool:
    """Replaces a checkpoint; tells whether there was anything to set."""
    self.is_due = False
    try:
      recalibration.recalibrate(
        self._config, checkpoint, self._batches, checkpoint
      )
    except recalibration.NothingToRecalibrate as reason:
      tf.logging.warning('Batch norm stays as it is: %s.', reason)
      return False
    return True

  def precede_evaluation(
    self, estimator: tf.estimator.Estimator, last_step: Optional[int]
  ) -> None:
    """Lets an estimator evaluate its last checkpoint as it will stay."""
    evaluate = estimator.evaluate

    def evaluating(*arguments: Any, **options: Any) -> Dict[str, Any]:
      checkpoint = options.get('checkpoint_path')
      if (
        self.is_due
        and checkpoint
        and last_step
        and checkpoints.global_step(checkpoint) >= last_step
      ):
        self.run(checkpoint)
      return evaluate(*arguments, **options)

    estimator.evaluate = evaluating


def task(run_config: tf.estimator.RunConfig) -> Optional[str]:
  """Gives the role of this process in a cluster, None where there is none.

  An evaluator takes no part in training, so its config has no cluster; and a
  process without any is called a worker.
  """
  if run_config.cluster_spec or run_config.task_type == 'evaluator':
    return run_config.task_type
  return None


def check_inputs(
  config: pipeline_pb2.TrainEvalPipelineConfig,
  run_config: tf.estimator.RunConfig,
) -> None:
  """Checks that the data that a training run reads on this machine is there.

  In a cluster this is what its own task reads, and no more.

  Args:
    config: the pipeline config.
    run_config: tells the task.

  Raises:
    InputError: as in `input_checks` and `record_classes`.
  """
  role = task(run_config)
  if role not in ('evaluator', 'ps'):
    input_checks.check_training(config)
    record_classes.check_training(config)
  if role in ('evaluator', None):
    input_checks.check_evaluation(config)
    record_classes.check_evaluation(config)
