import detectors

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import retraining


def test_starts_from_all_weights_and_prunes_softly_no_more():
  config = detectors.config(
    detectors.ssd(),
    pruning="""
      soft_filter_pruning { ratio: 0.5 }
      rewind_checkpoint: "of/the/wide/network"
      rewind_step: false
      layer_width { layer: "a" filters: 1 dense_filters: 2 }
    """,
  )
  train = retraining.from_checkpoint(config, 'a/model.ckpt').train_config
  assert train.fine_tune_checkpoint == 'a/model.ckpt'
  assert train.fine_tune_checkpoint_type == 'detection'
  assert train.load_all_detection_checkpoint_vars
  message = pipeline.pruning_message(retraining.from_checkpoint(config, 'a'))
  assert not message.HasField('soft_filter_pruning')
  assert not message.HasField('rewind_checkpoint')
  assert not message.HasField('rewind_step')
  assert len(message.layer_width) == 1


def test_what_is_pruned_is_trained_for_the_steps_that_are_given():
  config = retraining.fitted(detectors.config(detectors.ssd()))
  assert pipeline.pruning_message(config).fit_learning_rate
  assert retraining.next_command('a b').startswith(
    "to train it on: odp model_main --pipeline_config_path='a b/pipeline.config"
  )


def test_no_pruning_message_is_left_where_nothing_is_in_it():
  config = detectors.config(
    detectors.ssd(), pruning='soft_filter_pruning { ratio: 0.5 }'
  )
  assert 'pruning' not in str(retraining.from_checkpoint(config, 'a'))
  # What was given stays as it is.
  assert pipeline.pruning_message(config).HasField('soft_filter_pruning')
