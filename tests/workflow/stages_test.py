import detectors
import pytest

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import errors
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.workflow import stages

DATA = detection_data.DetectionData('t', 'v', 'l', 7, 10, 5)
DENSE, CONTROL, RECONSTRUCTED, RETRAINED = stages.stages(100, 40, 0.8)
SCHEDULED = stages.stages(100, 40, 0.8, stages.SCHEDULE)
PRUNED = SCHEDULED[-1]


def base(
  folder, explicit=True, checkpoint=None, method=stages.SCHEDULE, **changes
):
  path = detectors.write(detectors.config(**changes), folder)
  return stages.base_config(path, checkpoint, explicit, method)


@pytest.mark.parametrize('pruned', [PRUNED, RETRAINED])
def test_control_is_retrained_for_as_long_as_the_pruned_model_is(pruned):
  assert CONTROL in SCHEDULED
  assert (
    (pruned.steps, pruned.rate) == (CONTROL.steps, CONTROL.rate) == (40, 0.5)
  )
  assert (CONTROL.start, CONTROL.sparsity) == ('dense', None)
  assert (pruned.name, pruned.sparsity) == ('pruned', 0.8)


def test_zeros_come_from_reconstruction_of_the_dense_model_before_retraining():
  assert (RECONSTRUCTED.start, RECONSTRUCTED.steps) == (DENSE.name, 0)
  assert (RETRAINED.start, RETRAINED.teacher) == (
    RECONSTRUCTED.name,
    DENSE.name,
  )


def test_reconstructed_model_keeps_its_zeros_and_learns_from_the_dense_one(
  tmp_path,
):
  config = base(
    tmp_path,
    method=stages.RECONSTRUCTION,
    model=detectors.ssd('ssd_mobilenet_v2'),
  )
  config = stages.configure(
    config, DATA, RETRAINED, '/r/model.ckpt', '/d/ckpt-9'
  )
  message = pipeline.pruning_message(config)
  assert list(message.include) == ['']
  assert not message.HasField('target_sparsity')
  assert message.distillation.teacher == '/d/ckpt-9'
  assert config.train_config.fine_tune_checkpoint == '/r/model.ckpt'
  assert config.train_config.num_steps == 40


def test_config_that_trains_for_8_bits_has_no_teacher(tmp_path):
  config = detectors.config(detectors.ssd())
  config.graph_rewriter.quantization.delay = 7
  path = detectors.write(config, tmp_path)
  assert stages.base_config(path, None, True, stages.SCHEDULE)
  with pytest.raises(errors.InputError, match='graph_rewriter.*=schedule'):
    stages.base_config(path, None, True, stages.RECONSTRUCTION)


def test_config_that_says_how_to_prune_is_not_reconstructed(tmp_path):
  with pytest.raises(errors.InputError, match='frequency.*--method=schedule'):
    base(
      tmp_path,
      method=stages.RECONSTRUCTION,
      model=detectors.ssd(),
      pruning='frequency: 3 layer_width { layer: "a" filters: 2 }',
    )


def test_reconstructed_network_is_as_narrow_as_its_config_says(tmp_path):
  config = base(
    tmp_path,
    method=stages.RECONSTRUCTION,
    model=detectors.ssd(),
    # As prune_channels writes it.
    pruning='layer_width { layer: "a" filters: 2 dense_filters: 4 } '
    'fit_learning_rate: true',
  )
  for stage in (DENSE, RETRAINED):
    made = stages.configure(config, DATA, stage, 'c', 'd')
    (width,) = pipeline.pruning_message(made).layer_width
    assert width.filters == 2


def test_stages_differ_in_what_they_are_to_differ_in(tmp_path):
  config = base(tmp_path, model=detectors.ssd())
  dense = stages.configure(config, DATA, DENSE, None)
  pruned = stages.configure(config, DATA, PRUNED, '/d/model.ckpt-9')
  assert dense.model.ssd.feature_extractor.type == 'ssd_mobilenet_v1'
  assert pruned.model.ssd.feature_extractor.type == 'ssd_masked_mobilenet_v1'
  assert 'pruning' not in str(dense)
  message = pipeline.pruning_message(pruned)
  assert (
    message.target_sparsity,
    message.start_step,
    message.end_step,
  ) == (0.8, 4, 30)
  assert dense.train_config.fine_tune_checkpoint == ''
  assert pruned.train_config.fine_tune_checkpoint == '/d/model.ckpt-9'
  assert pruned.train_config.load_all_detection_checkpoint_vars
  for message in (dense, pruned):
    assert message.model.ssd.num_classes == 7
    reader = message.eval_input_reader[0]
    assert reader.tf_record_input_reader.input_path == ['v']
    assert reader.label_map_path == 'l'
  rate = pruned.train_config.optimizer.momentum_optimizer.learning_rate
  assert rate.constant_learning_rate.learning_rate == pytest.approx(0.005)


def test_pruning_message_of_a_named_config_counts(tmp_path):
  config = base(
    tmp_path,
    model=detectors.ssd('ssd_mobilenet_v2'),
    pruning='include: "Conv" frequency: 3 '
    'layer_width { layer: "a" filters: 2 dense_filters: 4 }',
  )
  pruned = stages.configure(config, DATA, PRUNED, 'c')
  message = pipeline.pruning_message(pruned)
  assert (list(message.include), message.frequency) == (['Conv'], 3)
  assert pruned.model.ssd.feature_extractor.type == 'ssd_mobilenet_v2'
  # A dense narrow network is as narrow as the pruned one.
  dense = pipeline.pruning_message(stages.configure(config, DATA, DENSE, None))
  assert dense.layer_width == message.layer_width
  assert not dense.HasField('target_sparsity') and not dense.include


def test_sample_config_gives_training_settings_only(tmp_path):
  config = base(
    tmp_path, explicit=False, model=detectors.ssd(), pruning='frequency: 100'
  )
  pruned = stages.configure(config, DATA, PRUNED, 'c')
  assert pipeline.pruning_message(pruned).frequency == 10


def test_extractor_that_cannot_be_masked_is_refused(tmp_path):
  with pytest.raises(errors.InputError, match="'ssd_mobilenet_v2' has no mask"):
    base(tmp_path, model=detectors.ssd('ssd_mobilenet_v2'))


def test_config_starts_from_its_own_checkpoint(tmp_path):
  given = detectors.config(detectors.ssd())
  given.train_config.fine_tune_checkpoint = str(tmp_path / 'model.ckpt')
  path = detectors.write(given, tmp_path)
  with pytest.raises(errors.InputError, match='fine_tune_checkpoint must be'):
    stages.base_config(path, None, True)
  (tmp_path / 'model.ckpt.index').write_text('')
  config = stages.base_config(path, None, True)
  dense = stages.configure(config, DATA, DENSE, None)
  assert dense.train_config.fine_tune_checkpoint.endswith('model.ckpt')
  # Only a stage's own start counts for the later ones.
  pruned = stages.configure(config, DATA, PRUNED, 'dense')
  assert pruned.train_config.fine_tune_checkpoint == 'dense'


def test_place_holder_of_the_samples_is_no_checkpoint(tmp_path):
  given = detectors.config(detectors.ssd())
  given.train_config.fine_tune_checkpoint = 'PATH_TO_BE_CONFIGURED/model.ckpt'
  config = stages.base_config(detectors.write(given, tmp_path), None, True)
  assert config.train_config.fine_tune_checkpoint == ''


def test_masks_are_read_as_they_were_written(tmp_path):
  model = detectors.faster_rcnn(instance_masks=True)
  given = detectors.config(model)
  del given.eval_input_reader[:]
  given.train_input_reader.ClearField('mask_type')
  config = stages.base_config(detectors.write(given, tmp_path), None, True)
  dense = stages.configure(config, DATA, DENSE, None)
  for reader in (dense.train_input_reader, dense.eval_input_reader[0]):
    assert reader.load_instance_masks
    assert reader.mask_type == 2  # PNG_MASKS


def test_readers_that_no_stage_has_are_not_looked_at(tmp_path):
  given = detectors.config(detectors.faster_rcnn(instance_masks=True))
  given.eval_input_reader.add().label_map_path = 'of.other.data'
  config = stages.base_config(detectors.write(given, tmp_path), None, True)
  assert len(config.eval_input_reader) == 1


def test_model_of_a_checkpoint_with_masks_has_readers_of_masks(tmp_path):
  beside = detectors.config(detectors.faster_rcnn(instance_masks=True))
  detectors.write(beside, tmp_path)
  sample = detectors.config(detectors.ssd(), pruning='frequency: 3')
  for reader in (sample.train_input_reader, *sample.eval_input_reader):
    reader.load_instance_masks = False
  config = stages.base_config(
    detectors.write(sample, tmp_path / 'sample'),
    str(tmp_path / 'model.ckpt'),
    False,
  )
  for reader in (config.train_input_reader, *config.eval_input_reader):
    assert reader.load_instance_masks
    assert reader.mask_type == 2  # PNG_MASKS


def test_what_evaluation_would_refuse_is_refused_before_any_training(tmp_path):
  given = detectors.config(detectors.faster_rcnn(instance_masks=True))
  given.eval_input_reader[0].load_instance_masks = False
  path = detectors.write(given, tmp_path)
  with pytest.raises(errors.InputError, match='^eval_input_reader.load_inst'):
    stages.base_config(path, None, True)
  given.eval_config.metrics_set[:] = ['open_images_metrics']
  detectors.write(given, tmp_path)
  with pytest.raises(errors.InputError, match="got 'open_images_metrics'$"):
    stages.base_config(path, None, True)


def test_steps_before_a_stage_are_those_of_what_it_starts_from():
  found = stages.stages(10, 4, 0.5)
  assert [stages.steps_before(stage, found) for stage in found] == [
    0,
    10,
    10,
    10,
  ]
