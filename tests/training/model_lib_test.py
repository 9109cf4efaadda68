import detectors
import pytest
import tensorflow.compat.v1 as tf
from object_detection import model_hparams
from object_detection import model_lib as stock_model_lib
from object_detection.builders import model_builder
from object_detection.utils import config_util

from object_detection_pruning import ModelPruningHook, ProgressHook
from object_detection_pruning.builders import (
  masked_network,
  pipeline,
  pruning_builder,
)
from object_detection_pruning.common import errors
from object_detection_pruning.core import (
  gathering,
  kernels,
  masking,
  soft_masks,
)
from object_detection_pruning.hooks import finite_hook, stop_hook
from object_detection_pruning.training import model_lib

TRAIN = tf.estimator.ModeKeys.TRAIN
EVAL = tf.estimator.ModeKeys.EVAL
WINDOW = 'target_sparsity: 0.8 start_step: 2 end_step: 9 '
CRITERION = 'criterion: "movement" '


def settings_of(pruning):
  config = detectors.config(detectors.ssd(), pruning=pruning)
  return pruning_builder.build(pipeline.pruning_message(config))


def build(data, model, pruning='', creator=None):
  """Builds the training graph, and gives the estimator spec."""
  config = detectors.config(model, data, pruning=pruning)
  configs = config_util.create_configs_from_pipeline_proto(config)
  if creator is None:
    creator = model_lib.model_fn_creator(
      pruning_builder.build(pipeline.pruning_message(config)),
      tf.estimator.RunConfig(model_dir='/nowhere'),
      20,
    )

  def detection_model_fn(is_training, add_summaries):
    return model_builder.build(config.model, is_training, add_summaries)

  model_fn = creator(
    detection_model_fn, configs, model_hparams.create_hparams()
  )
  tf.train.create_global_step()
  size = detectors.IMAGE_SIZE
  # As the input reader gives them for two images.
  features = {
    'image': tf.zeros([2, size, size, 3]),
    'true_image_shape': tf.constant([[size, size, 3]] * 2),
    'hash': tf.zeros([2], tf.int32),
  }
  labels = {
    'num_groundtruth_boxes': tf.constant([1, 1]),
    'groundtruth_boxes': tf.constant([[[0.2, 0.2, 0.7, 0.7]]] * 2),
    'groundtruth_classes': tf.one_hot([[1]] * 2, detectors.NUM_CLASSES),
    'groundtruth_weights': tf.ones([2, 1]),
  }
  return model_fn(features, labels, TRAIN, None)


def operations():
  return [
    (op.name, op.type, [tensor.name for tensor in op.inputs])
    for op in tf.get_default_graph().get_operations()
  ]


def test_stock_config_without_sparsity_trains_the_stock_graph(data):
  with tf.Graph().as_default():
    stock = build(
      data, detectors.ssd(), creator=stock_model_lib.create_model_fn
    )
    expected = operations()
  spec = build(data, detectors.ssd())
  assert operations() == expected
  assert len(expected) > 1000
  assert spec.train_op.name == stock.train_op.name


def test_masked_config_without_sparsity_has_masks_that_nothing_changes(data):
  spec = build(data, detectors.ssd(masked=True))
  assert len(masking.masked_kernels()) == 22
  kinds = {type(hook) for hook in spec.training_chief_hooks}
  assert ModelPruningHook not in kinds
  assert ProgressHook in kinds
  writers = [
    op.name
    for op in tf.get_default_graph().get_operations()
    if op.type.startswith('Assign')
    and op.inputs[0].op.name.endswith(('/mask', '/threshold'))
    and not op.name.endswith(('/mask/Assign', '/threshold/Assign'))
    and 'save/' not in op.name
  ]
  assert writers == []


def test_loss_and_gradients_are_those_of_stock_but_for_the_masks(data):
  with tf.Graph().as_default():
    build(data, detectors.ssd(), creator=stock_model_lib.create_model_fn)
    stock = {v.op.name for v in tf.global_variables()}
    losses = [loss.op.name for loss in tf.losses.get_regularization_losses()]
  build(data, detectors.ssd(), WINDOW + 'include: ""')
  names = {v.op.name for v in tf.global_variables()}
  assert {
    name for name in names if not kernels.is_pruning_variable(name, names)
  } == stock
  assert losses == [
    loss.op.name for loss in tf.losses.get_regularization_losses()
  ]


def test_scores_are_gathered_for_each_masked_kernel_and_only_in_training(data):
  spec = build(data, detectors.ssd(), WINDOW + CRITERION + 'include: ""')
  masked = masking.masked_kernels()
  scores = tf.get_collection(gathering.SCORES)
  assert [v.shape for v in scores] == [k.weights.shape for k in masked]
  (hook,) = [
    each
    for each in spec.training_chief_hooks
    if isinstance(each, ModelPruningHook)
  ]
  hook.begin()
  pruning = WINDOW + CRITERION
  config = detectors.config(detectors.ssd(masked=True), pruning=pruning)
  (kernel, *_) = masked_network.kernels(config)
  assert not kernel.weights.graph.get_collection(gathering.SCORES)


def test_gradients_are_noted_where_masks_move_by_them(data):
  pruning = WINDOW + 'regrowth: "rigl" '
  spec = build(data, detectors.ssd(masked=True), pruning)
  (hook,) = [
    each
    for each in spec.training_chief_hooks
    if isinstance(each, ModelPruningHook)
  ]
  hook.begin()
  assert not tf.get_collection(gathering.SCORES)


@pytest.mark.parametrize('criterion', ['', CRITERION])
def test_masks_are_soft_until_the_end_of_the_window(data, criterion):
  pruning = WINDOW + criterion + 'include: "" regrowth: "soft" '
  spec = build(data, detectors.ssd(), pruning)
  masked = masking.masked_kernels()
  ends = [soft_masks.end_of(kernel.masked_weight) for kernel in masked]
  assert set(ends) == {9}
  (hook,) = [
    each
    for each in spec.training_chief_hooks
    if isinstance(each, ModelPruningHook)
  ]
  hook.begin()
  config = detectors.config(detectors.ssd(masked=True), pruning=pruning)
  (kernel, *_) = masked_network.kernels(config)
  assert soft_masks.end_of(kernel.masked_weight) is None


def test_hooks_come_in_an_order_that_each_of_them_needs(data):
  """What breaks down is not saved, and a save is no part of a step's time."""
  spec = build(data, detectors.ssd(masked=True), WINDOW)
  kinds = [type(hook) for hook in spec.training_chief_hooks]
  ordered = [
    finite_hook.FiniteHook,
    ModelPruningHook,
    ProgressHook,
    tf.train.CheckpointSaverHook,
    stop_hook.StopHook,
  ]
  assert sorted(ordered, key=kinds.index) == ordered
  assert kinds[-1] == stop_hook.StopHook
  assert not any(
    isinstance(hook, ModelPruningHook) for hook in spec.training_hooks
  )


def test_hook_has_the_settings_of_the_config(data):
  spec = build(
    data,
    detectors.ssd(masked=True),
    WINDOW
    + 'exclude: "Conv2d_1_" mask_depthwise: true '
    + 'layer_sparsity { layer: "Conv2d_0$" target_sparsity: 0.25 }',
  )
  layers = [kernel.layer for kernel in masking.masked_kernels()]
  assert not any('Conv2d_1_' in layer for layer in layers)
  assert any('Conv2d_2_depthwise' in layer for layer in layers)
  (hook,) = [
    hook
    for hook in spec.training_chief_hooks
    if isinstance(hook, ModelPruningHook)
  ]
  hook.begin()
  plan = hook._plan
  zeros = dict(zip((each.name for each in plan.layers), plan.zeros_at(9)))
  for layer in plan.layers:
    share = 0.25 if layer.name.endswith('Conv2d_0') else 0.8
    assert zeros[layer.name] == round(share * layer.size)


def test_hook_has_the_method_of_the_config(data):
  spec = build(
    data,
    detectors.ssd(masked=True),
    WINDOW + 'allocation: "erdos_renyi_kernel" granularity: "2x2"',
  )
  (hook,) = [
    hook
    for hook in spec.training_chief_hooks
    if isinstance(hook, ModelPruningHook)
  ]
  hook.begin()
  zeros = hook._plan.zeros_at(9)
  size = sum(layer.size for layer in hook._plan.layers)
  # To half a block for each kernel.
  assert abs(sum(zeros) - 0.8 * size) <= 2 * len(zeros)
  assert zeros[0] == 0


@pytest.mark.parametrize('field', ['include', 'exclude'])
def test_pattern_that_is_found_in_no_layer_is_an_error(data, field):
  with pytest.raises(errors.InputError) as error:
    build(data, detectors.ssd(masked=True), WINDOW + f'{field}: "no_such"')
  message = str(error.value)
  assert f"{field} pattern 'no_such' is found in no layer" in message
  assert 'FeatureExtractor/MobilenetV1/Conv2d_0' in message
  assert len(message) < 500


def check(model, pruning, steps):
  config = detectors.config(model, pruning=pruning)
  model_lib.check_run(config, settings_of(pruning), steps)


@pytest.mark.parametrize('steps', [1, 2])
def test_start_at_or_past_the_last_step_is_an_error(steps):
  with pytest.raises(errors.InputError, match=rf'step \({steps}\), got 2'):
    check(detectors.ssd(masked=True), WINDOW, steps)


def test_stock_extractor_needs_patterns_to_be_pruned():
  with pytest.raises(errors.InputError, match='ssd_masked_mobilenet_v1'):
    check(detectors.ssd(), WINDOW, 20)
  check(detectors.ssd(), WINDOW + 'include: "BoxPredictor"', 20)
  check(detectors.ssd(), '', 20)


@pytest.mark.parametrize(
  'decay, end, words',
  [
    (None, 9, 'about 3333 steps, but only 11 steps follow the last mask upd'),
    (0.9, 9, 'about 10 steps, but only 11 steps follow'),
    (0.5, 9, None),
    (0.9, 30, 'about 10 steps, but only 8 steps follow the last mask update '),
  ],
)
def test_stale_batch_norm_is_told_when_few_steps_are_left(
  data, warnings, decay, end, words
):
  build(
    data,
    detectors.ssd(masked=True, decay=decay),
    WINDOW.replace('9', str(end)),
  )
  about = [line for line in warnings() if 'Batch norm remembers' in line]
  assert len(about) == bool(words)
  if words:
    assert words in about[0]
