"""Logs, in any Python process, how many threads its first session starts.

Python imports this by itself where the folder is on its path. A line of JSON
goes to the file in `POOLS_LOG` for every run of a graph with convolutions or
products, which is what a network is known by.
"""

import itertools
import json
import os

from tensorflow.python.client import session

_NETWORK = ('Conv2D', 'DepthwiseConv2dNative', 'MatMul')
_numbers = itertools.count()
_started = None


def _count():
  return len(os.listdir('/proc/self/task'))


def _log(of):
  if of.is_network is None:
    types = {op.type for op in of.graph.get_operations()}
    of.is_network = any(name in kind for kind in types for name in _NETWORK)
  if of.is_network:
    line = {'pid': os.getpid(), 'session': of.number, 'started': _started}
    with open(os.environ['POOLS_LOG'], 'a') as file:
      file.write(json.dumps(line) + '\n')


def _observed(original):
  def init(self, *arguments, **options):
    global _started
    before = _count()
    original(self, *arguments, **options)
    self.is_network = None
    self.number = next(_numbers)
    if _started is None:
      _started = _count() - before

  return init


def _logged(original):
  def run(self, *arguments, **options):
    _log(self)
    return original(self, *arguments, **options)

  return run


def _logged_callable(original):
  def make_callable(self, *arguments, **options):
    call = original(self, *arguments, **options)

    def run(*values, **run_options):
      _log(self)
      return call(*values, **run_options)

    return run

  return make_callable


_Base = session.BaseSession
_Base.__init__ = _observed(_Base.__init__)
_Base.run = _logged(_Base.run)
_Base.make_callable = _logged_callable(_Base.make_callable)
