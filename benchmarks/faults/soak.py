"""Updates the masks of a small model many times, and looks at the memory.

python benchmarks/faults/soak.py --updates=20000 --output=RESULT.json
"""

import argparse
import json
import resource
import time

import numpy as np
import tensorflow.compat.v1 as tf

import object_detection_pruning as odp  # noqa: I001

_SHARES = 10


def resident_megabytes():
  """Gives what this process holds in memory now."""
  with open('/proc/self/statm') as file:
    pages = int(file.read().split()[1])
  return pages * resource.getpagesize() / 1e6


def train(updates):
  """Gives memory after each tenth of the updates, and the last sparsity."""
  step = tf.train.get_or_create_global_step()
  images = tf.random.normal([4, 8, 8, 3], seed=1)
  with odp.masking_scope():
    net = tf.layers.conv2d(images, 16, 3, activation=tf.nn.relu)
    net = tf.layers.conv2d(net, 16, 3)
  loss = tf.reduce_mean(net**2)
  train_op = tf.train.MomentumOptimizer(1e-3, 0.9).minimize(loss, step)
  hook = odp.ModelPruningHook(
    target_sparsity=0.9, start_step=0, end_step=updates, frequency=1
  )
  memory = []
  with tf.train.MonitoredSession(hooks=[hook]) as session:
    for number in range(1, updates + 1):
      session.run(train_op)
      if number % (updates // _SHARES) == 0:
        memory.append(round(resident_megabytes(), 1))
  kernels = [kernel.size for kernel in odp.masked_kernels()]
  return memory, hook.sparsity, int(np.sum(kernels))


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--updates', type=int, default=20000)
  parser.add_argument('--output', required=True)
  options = parser.parse_args()
  began = time.monotonic()
  memory, sparsity, weights = train(options.updates)
  result = {
    'mask updates': options.updates,
    'masked weights': weights,
    'sparsity': round(sparsity, 4),
    'megabytes after each tenth': memory,
    'grown by in the last nine tenths': round(memory[-1] - memory[0], 1),
    'seconds': round(time.monotonic() - began),
  }
  print(json.dumps(result, indent=1))
  with open(options.output, 'w') as file:
    json.dump(result, file, indent=1)
    file.write('\n')


if __name__ == '__main__':
  main()
