import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from object_detection_pruning.common import errors
from object_detection_pruning.core import regrowth


def test_share_of_rigl_falls_as_a_cosine_and_that_of_set_stays():
  rigl, random = regrowth.find('rigl', 0.4), regrowth.find('set', 0.4)
  shares = [rigl.share_at(progress) for progress in (0, 0.25, 0.5, 0.75, 1)]
  np.testing.assert_allclose(
    shares, [0.4, 0.2 + 0.02**0.5, 0.2, 0.2 - 0.02**0.5, 0], atol=1e-12
  )
  assert {random.share_at(progress) for progress in (0, 0.5, 1)} == {0.4}
  assert regrowth.find('set').share == regrowth.DEFAULT_SHARE


def test_chance_follows_from_the_seed_alone_and_size_from_the_gradient():
  gradient = tf.constant([-3.0, 2.0])
  rigl, random = regrowth.find('rigl'), regrowth.find('set')
  chance = [
    random.scores(gradient.shape, tf.constant(seed), None)
    for seed in ([1, 2], [1, 2], [1, 3], [2, 2])
  ]
  with tf.Session() as session:
    size = session.run(rigl.scores(gradient.shape, None, gradient))
    chance = session.run(chance)
  assert size.tolist() == [3, 2]
  assert chance[0].tolist() == chance[1].tolist()
  assert len({tuple(each) for each in chance}) == 3


@pytest.mark.parametrize(
  'arguments, words',
  [
    (('grow',), "regrowth must be one of soft, set, rigl, got 'grow'"),
    (('set', 1.0), 'regrowth_share must be in (0, 1), got 1.0'),
    (
      ('soft', 0.2),
      'regrowth_share has no meaning with regrowth soft, got 0.2',
    ),
  ],
)
def test_what_is_no_regrowth_is_an_error(arguments, words):
  with pytest.raises(errors.InputError) as error:
    regrowth.find(*arguments)
  assert str(error.value) == words
