import detectors
import pytest

from object_detection_pruning.builders import input_checks
from object_detection_pruning.common import errors


@pytest.fixture
def config(tmp_path):
  """A config whose files are there, though nothing of use is in them."""
  data = {}
  for name in ('train', 'val', 'label_map', 'model.ckpt.index'):
    path = tmp_path / name
    path.write_text('something')
    data[name] = str(path)
  message = detectors.config(detectors.ssd())
  message.train_config.fine_tune_checkpoint = str(tmp_path / 'model.ckpt')
  for reader, name in (
    (message.train_input_reader, 'train'),
    (message.eval_input_reader[0], 'val'),
  ):
    reader.label_map_path = data['label_map']
    reader.tf_record_input_reader.input_path[:] = [data[name]]
  return message


def refusal(check, config):
  with pytest.raises(errors.InputError) as error:
    check(config)
  return str(error.value)


def test_takes_a_config_whose_files_are_there(config):
  input_checks.check_training(config)
  input_checks.check_evaluation(config)


def test_takes_patterns_of_input_paths(config, tmp_path):
  paths = config.train_input_reader.tf_record_input_reader.input_path
  paths[:] = [str(tmp_path / 'tr*'), str(tmp_path / 'no*')]
  input_checks.check_training(config)
  paths[:] = [str(tmp_path / 'no*')]
  assert refusal(input_checks.check_training, config) == (
    'train_input_reader names no file that exists: input_path is '
    f'{tmp_path}/no*'
  )


def test_names_missing_evaluation_records(config):
  config.eval_input_reader[0].tf_record_input_reader.input_path[:] = [
    '/no/val.record'
  ]
  input_checks.check_training(config)
  assert refusal(input_checks.check_evaluation, config) == (
    'eval_input_reader names no file that exists: input_path is /no/val.record'
  )


def test_metrics_are_those_that_stock_code_knows(config):
  config.eval_config.metrics_set[:] = ['coco_detection_metrics']
  input_checks.check_evaluation(config)
  config.eval_config.metrics_set.append('open_images_metrics')
  line = refusal(input_checks.check_evaluation, config)
  assert line.startswith(
    'eval_config.metrics_set must be of coco_detection_metrics, '
  )
  assert line.endswith(", got 'open_images_metrics'")
  # The metrics of training are those of its evaluation.
  input_checks.check_training(config)


@pytest.mark.parametrize('which', ['train', 'eval'])
def test_masks_that_a_model_predicts_are_loaded(config, which):
  reader, check = {
    'train': (config.train_input_reader, input_checks.check_training),
    'eval': (config.eval_input_reader[0], input_checks.check_evaluation),
  }[which]
  mask_rcnn = detectors.config(detectors.faster_rcnn(instance_masks=True))
  config.model.CopyFrom(mask_rcnn.model)
  assert refusal(check, config) == (
    f'{which}_input_reader.load_instance_masks must be true, since the model '
    'predicts instance masks'
  )
  # Without a third stage the head of masks is never run.
  config.model.faster_rcnn.number_of_stages = 2
  check(config)
  config.model.faster_rcnn.number_of_stages = 3
  reader.load_instance_masks = True
  check(config)


def test_every_pattern_has_a_weight_or_none_has(config):
  reader = config.train_input_reader
  if 'sample_from_datasets_weights' not in reader.DESCRIPTOR.fields_by_name:
    pytest.skip('input readers of the API of 2019 have no weights')
  reader.sample_from_datasets_weights[:] = [2.0]
  input_checks.check_training(config)
  reader.sample_from_datasets_weights.append(1.0)
  assert refusal(input_checks.check_training, config) == (
    'train_input_reader must have as many sample_from_datasets_weights as '
    'input_path (1), got 2'
  )


def test_names_files_that_are_empty(config, tmp_path):
  (tmp_path / 'val').write_text('')
  assert refusal(input_checks.check_evaluation, config) == (
    'eval_input_reader names files without a single example, such as '
    f'{tmp_path}/val'
  )
  paths = config.eval_input_reader[0].tf_record_input_reader.input_path
  paths.append(str(tmp_path / 'train'))
  input_checks.check_evaluation(config)


def test_lists_all_record_files(config, tmp_path):
  assert input_checks.record_paths(config) == [
    str(tmp_path / 'train'),
    str(tmp_path / 'val'),
  ]


def test_only_evaluation_needs_a_label_map(config):
  config.train_input_reader.ClearField('label_map_path')
  input_checks.check_training(config)
  config.eval_input_reader[0].ClearField('label_map_path')
  assert refusal(input_checks.check_evaluation, config) == (
    "eval_input_reader.label_map_path must be a file, got ''"
  )


@pytest.mark.parametrize(
  'field, line',
  [
    ('optimizer', 'train_config.optimizer is not set'),
    ('optimizer.momentum_optimizer.learning_rate', 'train_config.optimizer.'),
  ],
)
def test_names_the_section_that_is_missing(config, field, line):
  owner = config.train_config
  *path, last = field.split('.')
  for name in path:
    owner = getattr(owner, name)
  owner.ClearField(last)
  assert refusal(input_checks.check_training, config).startswith(line)


def test_refuses_an_empty_batch_and_a_config_without_input(config):
  config.train_config.batch_size = 0
  assert refusal(input_checks.check_training, config) == (
    'train_config.batch_size must be a whole number, 1 or more, got 0'
  )
  config.train_config.batch_size = 1
  config.ClearField('train_input_reader')
  assert refusal(input_checks.check_training, config).startswith(
    'train_input_reader has no input'
  )
  del config.eval_input_reader[:]
  assert refusal(input_checks.check_evaluation, config) == (
    'eval_input_reader is not set'
  )


def test_names_a_checkpoint_that_is_not_there(config):
  config.train_config.fine_tune_checkpoint += '-7'
  assert refusal(input_checks.check_training, config).startswith(
    'train_config.fine_tune_checkpoint must be the prefix of a checkpoint, got'
  )
