import logging
import os

import detectors
import pytest
from google.protobuf import text_format
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import errors
from object_detection_pruning.protos import pruning_pb2

PRUNING = 'target_sparsity: 0.85 start_step: 1 end_step: 9 include: "Box"'


@pytest.fixture
def config():
  return detectors.config(detectors.ssd(masked=True), pruning=PRUNING)


def test_reads_what_it_saved_pruning_message_included(tmp_path, config):
  path = pipeline.save(config, str(tmp_path / 'new'))
  assert path == str(tmp_path / 'new/pipeline.config')
  assert os.listdir(str(tmp_path / 'new')) == ['pipeline.config']
  with open(path) as file:
    assert '[object_detection_pruning.protos.pruning] {' in file.read()
  assert pipeline.load(path) == config
  message = pipeline.pruning_message(pipeline.load(path))
  assert (message.target_sparsity, list(message.include)) == (0.85, ['Box'])


def test_override_is_merged(tmp_path, config):
  path = pipeline.save(config, str(tmp_path))
  loaded = pipeline.load(
    path,
    'train_config { batch_size: 7 } '
    '[object_detection_pruning.protos.pruning] { end_step: 8 }',
  )
  assert loaded.train_config.batch_size == 7
  assert loaded.train_config.num_steps == 20
  assert pipeline.pruning_message(loaded).end_step == 8
  assert pipeline.pruning_message(loaded).start_step == 1


@pytest.mark.parametrize(
  'content, words',
  [
    (b'model { ssd { nonsense: 1 } }', 'nonsense'),
    (b'model {', 'is no pipeline config'),
    (b'\xff\xfe\x00', 'is no pipeline config'),
    (
      b'[object_detection_pruning.protos.pruning] { sparsity: 1 }',
      'sparsity',
    ),
  ],
)
def test_file_that_cannot_be_parsed_is_told_in_one_line(
  tmp_path, content, words
):
  path = tmp_path / 'pipeline.config'
  path.write_bytes(content)
  with pytest.raises(errors.InputError) as error:
    pipeline.load(str(path))
  assert str(path) in str(error.value)
  assert words in str(error.value)
  assert '\n' not in str(error.value)


OURS = '[object_detection_pruning.protos.pruning]'


@pytest.mark.parametrize(
  'added, line, field',
  [
    (
      f'{OURS} {{\n granularity: "2:4"\n granularity: "4x4" }}',
      3,
      'granularity',
    ),
    # Two messages are one, and so is what has another form.
    (
      f'{OURS}: < start_step: 2 >\n\n{OURS} {{ start_step: 2 }}',
      3,
      'start_step',
    ),
    (
      f'{OURS} {{ layer_sparsity {{ layer: "a" layer: "b" }} }}',
      1,
      'layer',
    ),
    (
      f'{OURS} {{ distillation {{ box_weight: 1 }}\n # }}\n'
      ' distillation { class_weight: 1 } }',
      3,
      'distillation',
    ),
    (
      f'{OURS} {{ include: "}}\\"" include: \'{{\' mask_depthwise: true '
      'mask_depthwise: false }',
      1,
      'mask_depthwise',
    ),
  ],
)
def test_field_of_the_pruning_message_that_is_there_twice_is_refused(
  tmp_path, added, line, field
):
  path = tmp_path / 'pipeline.config'
  text = text_format.MessageToString(detectors.config(detectors.ssd()))
  path.write_text(text + added)
  before = text.count('\n')
  with pytest.raises(errors.InputError) as error:
    pipeline.load(str(path))
  assert str(error.value) == (
    f'{path}, line {before + line}: the pruning message has {field} twice, and '
    'one of the two would not count'
  )


def test_what_may_be_there_twice_is_taken(tmp_path):
  path = tmp_path / 'pipeline.config'
  text = text_format.MessageToString(detectors.config(detectors.ssd()))
  # Stock fields have the last value, as stock tools give them. Of two messages
  # of ours each may have a part.
  path.write_text(
    text
    + f"""train_config {{ batch_size: 3 batch_size: 5 }} # {OURS} {{ }}
    {OURS} {{ include: "a{{" include: 'b' start_step: 2 }}
    {OURS} {{ include: "{OURS}" end_step: 9
      layer_sparsity {{ layer: "a" }} layer_sparsity {{ layer: "b" }} }}"""
  )
  loaded = pipeline.load(str(path), f'{OURS} {{ start_step: 4 }}')
  assert loaded.train_config.batch_size == 5
  message = pipeline.pruning_message(loaded)
  assert list(message.include) == ['a{', 'b', OURS]
  assert [each.layer for each in message.layer_sparsity] == ['a', 'b']
  assert (message.start_step, message.end_step) == (4, 9)


def test_override_with_a_field_twice_is_refused(tmp_path, config):
  path = pipeline.save(config, str(tmp_path))
  with pytest.raises(errors.InputError, match='^config override, line 1: the '):
    pipeline.load(path, f'{OURS} {{ end_step: 8 end_step: 9 }}')


def with_retired_field(config, value):
  text = text_format.MessageToString(config)
  (name,) = [line for line in text.split('\n') if 'type: "ssd_masked' in line]
  # Here and there as the model zoo has it: on a line of its own, and not.
  return text.replace(name, f'{name} batch_norm_trainable{value}\n  ')


@pytest.mark.parametrize('value', [': true', ' :\n   True  ', ': true # yes'])
def test_field_of_zoo_configs_that_the_api_has_no_more_is_left_out(
  tmp_path, config, value, caplog
):
  caplog.set_level(logging.INFO, 'tensorflow')
  path = tmp_path / 'pipeline.config'
  text = with_retired_field(config, value)
  with pytest.raises(text_format.ParseError, match='batch_norm_trainable'):
    text_format.Parse(text, pipeline_pb2.TrainEvalPipelineConfig())
  path.write_text(text)
  assert pipeline.load(str(path)) == config
  (line,) = [
    record.getMessage()
    for record in caplog.records
    if 'is left out' in record.getMessage()
  ]
  assert line.startswith(f'{path}, line 11: batch_norm_trainable is left out')


def test_retired_field_that_asks_for_something_else_is_an_error(
  tmp_path, config
):
  path = tmp_path / 'pipeline.config'
  path.write_text(with_retired_field(config, ': false'))
  with pytest.raises(errors.InputError, match='no field named "batch_norm_tr'):
    pipeline.load(str(path))


def test_field_of_the_same_name_in_faster_rcnn_is_kept(tmp_path):
  config = detectors.config(detectors.faster_rcnn(masked=True))
  config.model.faster_rcnn.feature_extractor.batch_norm_trainable = True
  assert pipeline.load(detectors.write(config, tmp_path)) == config


def test_broken_override_is_told_apart_from_the_file(tmp_path, config):
  path = pipeline.save(config, str(tmp_path))
  with pytest.raises(errors.InputError, match='^config override is no pipel'):
    pipeline.load(path, 'model {')


@pytest.mark.parametrize('name', ['', 'missing.config', '.'])
def test_no_file_is_an_error(tmp_path, name):
  with pytest.raises(errors.InputError, match='^no pipeline config at '):
    pipeline.load(os.path.join(str(tmp_path), name) if name else '')


def test_config_of_the_stock_model_can_be_parsed_without_this_library(config):
  stock = pipeline.as_stock(config)
  text = text_format.MessageToString(stock)
  assert 'pruning' not in text
  assert 'masked' not in text
  expected = detectors.config(detectors.ssd())
  assert stock == expected
  assert config.HasExtension(pruning_pb2.pruning)


def test_failed_save_keeps_the_old_config(tmp_path, config, monkeypatch):
  path = pipeline.save(config, str(tmp_path))
  monkeypatch.setattr(text_format, 'MessageToString', lambda _: 1 / 0)
  with pytest.raises(ZeroDivisionError):
    pipeline.save(detectors.config(detectors.ssd()), str(tmp_path))
  assert pipeline.load(path) == config
  assert os.listdir(str(tmp_path)) == ['pipeline.config']


def test_unknown_feature_extractor_is_refused_when_the_config_is_read(tmp_path):
  path = detectors.write(detectors.config(detectors.ssd('ssd_none')), tmp_path)
  with pytest.raises(
    errors.InputError, match="extractor 'ssd_none' is not kno"
  ):
    pipeline.load(path)


@pytest.mark.parametrize(
  'setting, reason',
  [
    ('max_total_detections: 5', 'no greater than max_total_detections'),
    ('iou_threshold: 2', 'iou_thresh'),
  ],
)
def test_model_that_cannot_be_built_is_refused(tmp_path, setting, reason):
  path = detectors.write(detectors.config(detectors.ssd()), tmp_path)
  override = (
    'model { ssd { post_processing { batch_non_max_suppression { '
    + setting
    + ' } } } }'
  )
  with pytest.raises(
    errors.InputError,
    match=f'the model of the pipeline config cannot be built: .*{reason}',
  ):
    pipeline.load(path, override)


def test_start_may_be_named_by_a_file_of_the_checkpoint(tmp_path):
  config = detectors.config(detectors.ssd())
  (tmp_path / 'model.ckpt.index').write_text('something')
  prefix = str(tmp_path / 'model.ckpt')
  config.train_config.fine_tune_checkpoint = prefix + '.index'
  path = pipeline.save(config, str(tmp_path))
  assert pipeline.load(path).train_config.fine_tune_checkpoint == prefix
