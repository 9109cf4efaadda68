"""What a getter of variables is called with, all by name."""

from typing import Any, Dict, Mapping, Sequence

# The order of the getters of both stacks, after the name of the variable.
_ORDER = (
  'shape',
  'dtype',
  'initializer',
  'regularizer',
  'reuse',
  'trainable',
  'collections',
  'caching_device',
  'partitioner',
  'validate_shape',
  'use_resource',
  'constraint',
  'synchronization',
  'aggregation',
)


def by_name(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Dict[str, Any]:
  """Names the arguments that another custom getter gave by position.

  Args:
    args: those after the name of the variable.
    kwargs: those that have a name.
  """
  return dict(zip(_ORDER, args), **kwargs)
