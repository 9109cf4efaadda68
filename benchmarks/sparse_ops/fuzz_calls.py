"""Random calls of the sparse ops, many of them malformed; see fuzz.py."""

import fuzz_picture
import fuzz_suppression
import numpy as np
import tensorflow.compat.v1 as tf

_ACTIVATIONS = ['none', 'relu', 'relu6']
_SIZES = ['pool_size', 'concat_output', 'concat_offset', 'concat_depth']
_SIZES += ['max_size_per_class', 'max_total_size', 'first_class']
_BAD_SIZES = [-(2**31), -1, 0, 1, 2, 7, 4096, 2**20, 2**31 - 1, 2**40]
_HUGE_SIZES = [1, 2, 5, 2**20, 2**31 - 1, 2**31, 2**40, 2**62]
_HUGE_STATIC_SIZES = [None, 0, 1, 7, 2**31 - 1, 2**31, 2**62, 2**63 - 1]
_INPUTS = ('input', 'image', 'scores', 'pictures')
# Inputs that are lists of tensors, of one or none.
_LISTS = {
  'multi_class_non_max_suppression': ['fields'],
  'resize_normalize_picture': ['before', 'after'],
  'sparse_conv2d': ['scales'],
  'sparse_mat_mul_bias': ['scales'],
  'sparse_separable_conv2d': ['scales'],
}


class Calls:
  """Random calls of random ops."""

  def __init__(self, random, library, op=''):
    """Gets ready.

    Args:
      random: a RandomState.
      library: path of the op library.
      op: the only one to call; empty for all.
    """
    tf.logging.set_verbosity(tf.logging.ERROR)
    self._random = random
    self._op = op
    self._ops = tf.load_op_library(library)
    self._makers = [
      self._sparse_conv,
      self._sparse_separable,
      self._sparse_matmul,
      self._fused_conv,
      self._fused_depthwise,
      self._pool,
      self._crop_pool,
      self._resize,
      self._cast,
      lambda: fuzz_suppression.call(random),
      lambda: fuzz_picture.call(random),
    ]

  def some(self, count):
    """Makes and runs some calls; gives op and outcome of each."""
    config = tf.ConfigProto()
    # It would drop an op whose result nobody fetches.
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf.Graph().as_default(), tf.Session(config=config) as session:
      return [self._one(session) for _ in range(count)]

  def _one(self, session):
    name, tensors, attributes = self._pick(self._makers)()
    while self._op not in ('', name):
      name, tensors, attributes = self._pick(self._makers)()
    rank = tensors[[key for key in tensors if key in _INPUTS][0]].ndim
    kind = self._random.rand()
    changes, huge, static = False, None, None
    if kind < 0.5:
      for _ in range(self._size(3)):
        self._break(tensors, attributes)
    elif kind < 0.6:
      huge = [self._pick(_HUGE_SIZES) for _ in range(rank)]
      huge[self._random.randint(rank)] = 0
      self._break_sizes(attributes)
    elif kind < 0.7:
      static = [self._pick(_HUGE_STATIC_SIZES) for _ in range(rank)]
      self._break_sizes(attributes)
    elif kind < 0.8:
      changes = True
    try:
      inputs = {
        key: self._tensor(key, value, huge, static, changes)
        for key, value in tensors.items()
      }
      for key in _LISTS.get(name, []):
        found = [inputs[key]] if key in inputs else []
        inputs[key] = found * self._pick([1] * 9 + [2])
      if name == 'sparse_conv2d':
        inputs['concat'] = self._concats(inputs.pop('concat', None))
      made = tf.group(getattr(self._ops, name)(**inputs, **attributes))
      variables = [
        each for each in inputs.values() if isinstance(each, tf.Variable)
      ]
      session.run([variable.initializer for variable in variables])
      # Not fetched: NumPy cannot hold every empty shape.
      if static is None:
        session.run(made)
      for variable in variables:
        self._change(session, variable)
        session.run(made)
    except (tf.errors.OpError, ValueError, TypeError, OverflowError) as error:
      if isinstance(error, tf.errors.InternalError):
        raise
      return name, 'rejected'
    return name, 'run'

  def _tensor(self, key, value, huge, static, changes):
    """The input of an op: one of many ways in which it can come."""
    if huge is not None and key in _INPUTS:
      zeros = tf.zeros(tf.constant(huge, tf.int64), value.dtype)
      return tf.placeholder_with_default(zeros, None)
    if static is not None and key in _INPUTS:
      return tf.placeholder(value.dtype, static)
    if changes and key not in _INPUTS and key != 'concat':
      return tf.Variable(value, use_resource=False)
    return tf.placeholder_with_default(tf.constant(value), None)

  def _change(self, session, variable):
    """Gives a variable other values, in the memory that it has."""
    value = session.run(variable)
    if value.size:
      at = self._random.randint(value.size)
      changed = 0 if self._random.rand() < 0.5 else 255
      value.flat[at] = np.array(changed).astype(value.dtype)
      variable.load(value, session)

  def _break_sizes(self, attributes):
    """Makes numbers of lists huge, here and there."""
    for name, value in sorted(attributes.items()):
      if isinstance(value, list) and self._random.rand() < 0.3:
        attributes[name] = [
          self._pick(_BAD_SIZES) if self._random.rand() < 0.5 else number
          for number in value
        ]

  def _pick(self, items):
    return items[self._random.randint(len(items))]

  def _size(self, most):
    return int(self._random.randint(1, most + 1))

  def _floats(self, *shape):
    return self._random.normal(size=shape).astype('float32')

  def _image(self, channels):
    batch = self._pick([0, 1, 1, 1, 2, 3])
    return self._floats(batch, self._size(24), self._size(24), channels)

  def _window(self):
    padding = self._pick(['SAME', 'VALID', 'EXPLICIT'])
    attributes = {
      'strides': [self._size(3), self._size(3)],
      'padding': padding,
    }
    if padding == 'EXPLICIT':
      attributes['explicit_paddings'] = self._random.randint(0, 4, 4).tolist()
    return attributes

  def _packed(self, *shape):
    """The tensors of a sparse kernel, whose values are floats or in bytes."""
    from object_detection_pruning.sparse_ops import byte_values, packing

    weights = self._floats(*shape)
    weights[self._random.uniform(size=shape) < self._random.rand()] = 0
    mask, values = packing.pack(weights)
    if self._random.rand() < 0.5:
      return {'mask': mask, 'values': values}
    values, scales = byte_values.rounded(weights)
    return {'mask': mask, 'values': values, 'scales': scales}

  def _sparse_conv(self):
    kernel = [self._size(4), self._size(4), self._size(40), self._size(40)]
    first = self._size(kernel[3])
    depths = [d for d in (first, kernel[3] - first) if d]
    tensors = {
      'input': self._image(kernel[2]),
      **self._packed(*kernel),
      'bias': self._floats(kernel[3]),
    }
    attributes = dict(
      self._window(),
      kernel_shape=kernel,
      constant_weights=self._pick([False, True]),
      output_depths=depths,
      num_outputs=len(depths),
      activation=self._pick(_ACTIVATIONS),
    )
    if self._random.rand() < 0.5:
      self._concatenate(tensors, attributes)
    return 'sparse_conv2d', tensors, attributes

  def _concats(self, tensor):
    """None, one that is handed on or has to be copied, or one too many."""
    if tensor is None:
      return []
    # Memory that a constant holds on to cannot be handed on.
    tensor = self._pick([tensor, tensor + 0.0])
    return [tensor] * self._pick([1, 1, 1, 1, 1, 2])

  def _concatenate(self, tensors, attributes):
    """Makes one output part of a concatenation."""
    depths = attributes['output_depths']
    output = self._random.randint(len(depths))
    offset = self._random.randint(20)
    depth = offset + depths[output] + self._random.randint(20)
    attributes.update(
      concat_output=int(output), concat_offset=offset, concat_depth=int(depth)
    )
    if self._random.rand() < 0.5:
      attributes.update(strides=[1, 1], padding='SAME')
      attributes.pop('explicit_paddings', None)
      tensors['concat'] = self._floats(*tensors['input'].shape[:3], depth)

  def _sparse_separable(self):
    channels, outputs = self._size(40), self._size(40)
    tensors = {
      'input': self._image(channels),
      'depthwise_weights': self._floats(3, 3, channels, 1),
      'depthwise_bias': self._floats(channels),
      **self._packed(channels, outputs),
      'bias': self._floats(outputs),
    }
    attributes = dict(
      self._window(),
      kernel_shape=[channels, outputs],
      constant_weights=self._pick([False, True]),
      depthwise_activation=self._pick(_ACTIVATIONS),
      activation=self._pick(_ACTIVATIONS),
    )
    return 'sparse_separable_conv2d', tensors, attributes

  def _sparse_matmul(self):
    kernel = [self._size(70), self._size(70)]
    tensors = {
      'input': self._floats(self._pick([0, 1, 5, 33]), kernel[0]),
      **self._packed(*kernel),
      'bias': self._floats(kernel[1]),
    }
    attributes = {
      'kernel_shape': kernel,
      'constant_weights': self._pick([False, True]),
      'activation': self._pick(_ACTIVATIONS),
    }
    return 'sparse_mat_mul_bias', tensors, attributes

  def _fused_conv(self):
    kernel = [self._size(7), self._size(7), self._size(5), self._size(40)]
    tensors = {
      'input': self._image(kernel[2]),
      'weights': self._floats(*kernel),
      'bias': self._floats(kernel[3]),
    }
    attributes = dict(self._window(), activation=self._pick(_ACTIVATIONS))
    return 'fused_conv2d', tensors, attributes

  def _fused_depthwise(self):
    channels, multiplier = self._size(40), self._pick([1, 1, 2, 8])
    tensors = {
      'input': self._image(channels),
      'weights': self._floats(
        self._size(7), self._size(7), channels, multiplier
      ),
      'bias': self._floats(channels * multiplier),
    }
    attributes = dict(self._window(), activation=self._pick(_ACTIVATIONS))
    return 'fused_depthwise_conv2d', tensors, attributes

  def _pool(self):
    attributes = dict(
      self._window(),
      kernel_size=[self._size(4), self._size(4)],
      method=self._pick(['max', 'average']),
    )
    return 'fast_pool', {'input': self._image(self._size(40))}, attributes

  def _crop_pool(self):
    image = self._image(self._size(40))
    count = self._pick([0, 1, 5])
    pool = self._size(3)
    tensors = {
      'image': image,
      'boxes': self._random.uniform(-0.5, 1.5, (count, 4)).astype('float32'),
      'box_ind': self._random.randint(0, max(1, image.shape[0]), count).astype(
        'int32'
      ),
    }
    attributes = {
      'crop_size': [pool * self._size(6), pool * self._size(6)],
      'pool_size': pool,
    }
    return 'crop_resize_max_pool', tensors, attributes

  def _resize(self):
    attributes = {
      'output_size': [self._size(40), self._size(40)],
      'align_corners': self._pick([False, True]),
    }
    return (
      'fast_resize_bilinear',
      {'input': self._image(self._size(40))},
      attributes,
    )

  def _cast(self):
    shape = self._random.randint(0, 40, self._random.randint(1, 5))
    picture = self._random.randint(0, 256, shape).astype('uint8')
    return 'fast_cast', {'input': picture}, {}

  def _break(self, tensors, attributes):
    """Changes one tensor or one attribute into something odd."""
    names = [k for k, v in attributes.items() if isinstance(v, list)]
    names += [k for k in _SIZES if k in attributes]
    if names and self._random.rand() < 0.5:
      name = self._pick(names)
      if not isinstance(attributes[name], list):
        attributes[name] = self._pick(_BAD_SIZES)
        return
      changed = list(attributes[name])
      how = self._random.randint(3)
      if how == 0:
        at = self._random.randint(max(1, len(changed)))
        changed[at : at + 1] = [self._pick(_BAD_SIZES)]
      elif how == 1:
        changed.append(self._size(5))
      elif changed:
        changed.pop()
      attributes[name] = changed
      return
    name = self._pick(sorted(tensors))
    value = tensors[name]
    how = self._random.randint(4)
    if how == 0:
      value = value.reshape(-1)[: self._random.randint(value.size + 1)]
    elif how == 1:
      value = value[..., np.newaxis]
    elif how == 2:
      value = np.concatenate([value, value[:1]], axis=0)
    elif value.dtype == np.float32:
      odd = self._pick([np.nan, np.inf, -np.inf, 1e38, -1e38, 1e-45])
      value = np.where(self._random.rand(*value.shape) < 0.2, odd, value)
      value = value.astype(np.float32)
    else:
      info = np.iinfo(value.dtype)
      value = self._random.randint(
        info.min, int(info.max) + 1, value.shape
      ).astype(value.dtype)
    tensors[name] = value
