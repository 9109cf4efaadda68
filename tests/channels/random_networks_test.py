"""Surgery on random networks, with random plans."""

import hypothesis
import networks
import tensorflow.compat.v1 as tf
from hypothesis import strategies as st

slim = networks.slim
WIDTHS = st.integers(1, 6)
NORMS = st.sampled_from(['bias', 'fused', 'unfused'])


def _conv(net, width, norm, scope, **kwargs):
  if norm != 'bias':
    kwargs.update(
      normalizer_fn=slim.batch_norm,
      normalizer_params={
        'is_training': False,
        'scale': True,
        'fused': norm == 'fused',
      },
    )
  return slim.conv2d(net, width, [3, 3], scope=scope, **kwargs)


def _plain(net, width, norm):
  return _conv(net, width, norm, 'conv')


def _separable(net, width, norm):
  multiplier = 1 + width % 2
  net = slim.separable_conv2d(net, None, [3, 3], multiplier, scope='depthwise')
  return _conv(net, width, norm, 'pointwise')


def _residual(net, width, norm):
  inner = _conv(net, width, norm, 'inner')
  return tf.nn.relu(
    net + _conv(inner, net.shape[3].value, norm, 'outer', activation_fn=None)
  )


def _inception(net, width, norm):
  one = _conv(net, width, norm, 'one')
  two = _conv(net, 3, 'bias', 'two')
  pooled = slim.max_pool2d(net, [3, 3], 1, 'SAME')
  return tf.concat([two, pooled, one, two], 3)


def _squeeze_excitation(net, width, norm):
  del norm
  gate = tf.reduce_mean(net, [1, 2], keepdims=True)
  gate = slim.conv2d(gate, width, [1, 1], scope='squeeze')
  return net * slim.conv2d(
    gate,
    net.shape[3].value,
    [1, 1],
    activation_fn=tf.sigmoid,
    scope='excite',
  )


def _shared(net, width, norm):
  """Two branches through one layer, which are added up."""
  results = []
  for branch in ('left', 'right'):
    inner = _conv(net, width, norm, branch)
    with tf.variable_scope('shared', reuse=tf.AUTO_REUSE):
      results.append(slim.conv2d(inner, 4, [1, 1], scope='conv'))
  return results[0] + results[1]


def _pyramid(net, width, norm):
  """A level above, made larger and added, as in an FPN."""
  top = _conv(slim.avg_pool2d(net, [2, 2], 2), width, norm, 'top')
  lateral = slim.conv2d(net, width, [1, 1], scope='lateral')
  size = [each.value for each in net.shape[1:3]]
  return lateral + tf.image.resize_nearest_neighbor(top, size)


def _split(net, width, norm):
  net = _conv(net, 2 * width, norm, 'conv')
  left, right = tf.split(net, 2, 3)
  return tf.concat([right, left], 3)


def _padded(net, width, norm):
  net = tf.pad(net, [[0, 0], [1, 1], [1, 1], [0, 0]])
  return _conv(net, width, norm, 'conv', stride=1, padding='VALID')


BLOCKS = (
  _plain,
  _separable,
  _residual,
  _inception,
  _squeeze_excitation,
  _shared,
  _pyramid,
  _split,
  _padded,
)


def _flat(net):
  return slim.fully_connected(slim.flatten(net), 3, scope='last')


def _mean(net):
  return slim.fully_connected(tf.reduce_mean(net, [1, 2]), 3, scope='last')


def _spatial(net):
  return slim.conv2d(net, 3, [1, 1], scope='last')


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
  blocks=st.lists(
    st.tuples(st.sampled_from(BLOCKS), WIDTHS, NORMS), min_size=1, max_size=4
  ),
  head=st.sampled_from([_flat, _mean, _spatial]),
  seed=st.integers(0, 1000),
)
def test_narrow_network_equals_silenced_one(blocks, head, seed):
  def network(image):
    net = slim.conv2d(image, 5, [3, 3], 4, scope='stem')
    for number, (block, width, norm) in enumerate(blocks):
      with tf.variable_scope(f'block_{number}'):
        net = block(net, width, norm)
    # No softmax: it would make errors relative to its inputs absolute.
    return head(net)

  made = networks.assert_exact(network, seed)
  shapes = made.shapes()
  # The stem has five channels, so unless a block fixes them some are gone.
  stem = networks.group(made.channels, 'stem')
  if stem.reason is None:
    assert shapes['stem/weights'][3] == 5 - len(made.removed[stem.name]) < 5
