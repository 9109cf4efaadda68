"""Random calls of the resizing of pictures, for fuzz_calls.py."""

import numpy as np

_SIDES = [1, 2, 7, 40]
_BAD_SIDES = [-1, 0, 2**20 + 1, 2**31 - 1]


def call(random):
  """Gives the op, its tensors and its attributes."""
  shape = [int(random.choice([0, 1, 1, 2]))]
  shape += [int(each) for each in random.choice(_SIDES, 2)] + [3]
  sides = _BAD_SIDES if random.rand() < 0.1 else _SIDES
  tensors = {
    'pictures': random.randint(0, 256, shape).astype('uint8'),
    'size': np.int32([random.choice(sides), random.choice(_SIDES)]),
  }
  attributes = {'align_corners': bool(random.randint(2))}
  for name in ('before', 'after'):
    ops = '+-*?'[random.randint(4)] if random.rand() < 0.5 else ''
    if ops:
      count = random.choice([1, 3])
      tensors[name] = random.normal(size=count).astype('float32')
    if random.rand() < 0.05:
      ops += '+'
    attributes[name + '_ops'] = ops
  return 'resize_normalize_picture', tensors, attributes
