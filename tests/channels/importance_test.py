import averages
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from object_detection.protos import pipeline_pb2

from object_detection_pruning.builders import training_graph as training_graphs
from object_detection_pruning.channels import (
  criteria,
  groups,
  importance,
  taylor,
)
from object_detection_pruning.common import errors


def _slice(variable, axis, is_output=False, size=3):
  return groups.Slice(variable, axis, np.arange(size)[:, None], is_output)


GROUP = groups.ChannelGroup(
  'one',
  [
    _slice('one/weights', 1, is_output=True),
    _slice('one/BatchNorm/gamma', 0),
    _slice('one/BatchNorm/beta', 0),
    _slice('two/weights', 0),
  ],
  [],
  None,
)
TENSORS = {
  # Filters (0, 0), (3, -4) and (6, -8).
  'one/weights': np.array([[0, 3, 6], [0, -4, -8]], np.float32),
  'one/BatchNorm/gamma': np.array([-2, 1, 3], np.float32),
  'one/BatchNorm/beta': np.array([100, 0, 0], np.float32),
  'two/weights': np.array([[1, -1], [0, 2], [2, 0]], np.float32),
}


def _scores(method, group=GROUP):
  return importance.scores(method, group, TENSORS).tolist()


def test_filter_norms_are_those_of_the_filters_alone():
  # Sums 0, 7, 14 and roots 0, 5, 10, divided by their means 7 and 5.
  assert _scores('filter_l1') == [0, 1, 2]
  assert _scores('filter_l2') == [0, 1, 2]


def test_norms_are_those_of_filters_and_consumers():
  # Consumers' sums are all 2; beta would tell another story.
  assert _scores('l1') == [0.5, 1, 1.5]
  roots = np.array([2**0.5, 2, 2])
  expected = (np.array([0, 1, 2]) + roots / roots.mean()) / 2
  assert _scores('l2') == pytest.approx(expected.tolist())


def test_geometric_median_is_the_weakest():
  # Distances: 5 + 10, 5 + 5, 10 + 5, and their mean is 40 / 3.
  assert _scores('fpgm') == pytest.approx([1.125, 0.75, 1.125])


def test_batch_norm_scale_is_absolute():
  assert _scores('batch_norm') == [1, 0.5, 1.5]


def test_group_without_batch_norm_is_named():
  bare = GROUP._replace(slices=[GROUP.slices[0]])
  with pytest.raises(errors.InputError, match='batch-norm scale, and one has'):
    _scores('batch_norm', bare)


def test_layers_of_a_group_count_the_same_whatever_their_scale():
  tensors = dict(TENSORS)
  tensors['three/weights'] = np.array([[1000, 0, 500]], np.float32)
  both = GROUP._replace(
    slices=list(GROUP.slices) + [_slice('three/weights', 1, is_output=True)]
  )
  assert importance.scores('filter_l1', both, tensors).tolist() == [1, 0.5, 1.5]


def test_flattened_channels_count_with_all_their_places():
  part = groups.Slice(
    'fc/weights', 0, np.array([[0, 3], [1, 4], [2, 5]]), False
  )
  tensors = {'fc/weights': np.arange(12, dtype=np.float32).reshape(6, 2)}
  assert criteria.slice_rows(part, tensors['fc/weights']).tolist() == [
    [0, 1, 6, 7],
    [2, 3, 8, 9],
    [4, 5, 10, 11],
  ]


def test_random_scores_depend_on_the_seed_alone():
  one, same, other = (
    criteria.Random(seed).score(GROUP, TENSORS).tolist() for seed in (1, 1, 2)
  )
  assert one == same
  assert one != other


def test_random_scores_of_two_groups_differ():
  groups_of_two = [GROUP, GROUP._replace(name='two')]
  found = criteria.Random().scores(groups_of_two, TENSORS)
  assert found['one'].tolist() != found['two'].tolist()


def test_unknown_method_is_an_error():
  with pytest.raises(errors.InputError, match="importance must be .* got 'l3'"):
    _scores('l3')


CONFIG = pipeline_pb2.TrainEvalPipelineConfig()
# Gradients of the loss of two batches.
BATCHES = np.array(
  [[[1, 1, 1], [1, 1, -1]], [[9, 1, 0], [9, 1, 0.5]]], np.float32
)


@pytest.fixture
def training_graph(monkeypatch):
  """A loss whose gradient is that of each batch."""

  def build(config):
    del config
    kernel = tf.get_variable('one/weights', [2, 3])
    dataset = tf.data.Dataset.from_tensor_slices(BATCHES)
    iterator = dataset.make_initializable_iterator()
    tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
    loss = tf.reduce_sum(iterator.get_next() * kernel)
    return tf.estimator.EstimatorSpec(
      tf.estimator.ModeKeys.TRAIN, loss=loss, train_op=tf.no_op()
    )

  monkeypatch.setattr(training_graphs, 'build', build)


def test_taylor_is_the_mean_change_of_the_loss_without_the_filter(
  training_graph,
):
  found = taylor.measure(CONFIG, TENSORS, [GROUP], 2)
  # First batch: 0, |3 - 4|, |6 + 8|; second: 0, |3 - 4|, |-8 / 2|.
  assert found['one'].tolist() == [0, 1, 9]
  batches = criteria.TrainingInput(CONFIG, TENSORS, 2)
  scores = importance.find('taylor').scores([GROUP], TENSORS, batches)
  assert scores['one'] == pytest.approx([0, 0.3, 2.7])


def test_taylor_without_training_data_is_an_error():
  with pytest.raises(errors.InputError, match='needs gradients and training'):
    _scores('taylor')


def test_scores_of_a_checkpoint_leave_out_draws_and_training_data():
  assert importance.METHODS[:6] == importance.OF_CHECKPOINT
  assert importance.METHODS[6:] == ('random', 'taylor')


def test_taylor_gives_masked_weights_no_change(training_graph):
  mask = np.array([[1, 1, 0], [1, 1, 0]], np.float32)
  masked = dict(TENSORS, **{'one/mask': mask})
  assert taylor.measure(CONFIG, masked, [GROUP], 2)['one'].tolist() == [0, 1, 0]


def test_taylor_is_of_the_moving_averages_that_are_evaluated(training_graph):
  found = taylor.measure(
    averages.evaluating(CONFIG), averages.into_averages(TENSORS), [GROUP], 2
  )
  assert found['one'].tolist() == [0, 1, 9]


def test_taylor_needs_as_many_batches_as_it_is_to_take(training_graph):
  with pytest.raises(errors.InputError, match='ended before 3 batches'):
    taylor.measure(CONFIG, TENSORS, [GROUP], 3)
