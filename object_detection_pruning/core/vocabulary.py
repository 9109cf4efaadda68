"""The values of `granularity` and `allocation`: one list for all commands.

Training, pruning without training and the analysis each offer some of them, and
do the same thing under the same name. What a value does stands in a subclass,
in the room that does it.
"""

import re
from typing import Optional

from object_detection_pruning.common import checks, errors
from object_detection_pruning.core import choices

TRAINING = 'model_main'
UNTRAINED = 'prune_weights'
ANALYSIS = 'analyze_sensitivity'
_LARGEST_GROUP = 32


class Pattern(choices.Choice):
  """Which weights of a kernel become zero together."""

  @property
  def fixed_sparsity(self) -> Optional[float]:
    """The sparsity that the pattern has when it is complete, if only one."""
    return None

  def check_target(self, name: str, target: float) -> float:
    """Gives the exact target that a given one means, or raises.

    Args:
      name: of what was given, for the message.
      target: sparsity in [0, 1).

    Raises:
      InputError: the pattern has another sparsity.
    """
    fixed = self.fixed_sparsity
    if fixed is None:
      return target
    # A third cannot be written exactly.
    if abs(target - fixed) > 0.005:
      raise errors.InputError(
        f'{name} must be {fixed:.4g} with granularity {self}, got {target}'
      )
    return fixed

  def check_kernel(self, layer: str, inputs: int, outputs: int) -> None:
    """Raises `InputError` if a kernel of that many is too small for it."""


class Weight(Pattern):
  """Single weights."""

  form = 'weight'
  commands = (TRAINING, UNTRAINED, ANALYSIS)


class NOfM(Pattern):
  """N of each M inputs in turn stay, as in 2:4 (Mishra et al. 2021)."""

  form = 'N:M'
  commands = (TRAINING, UNTRAINED)

  def __init__(self, kept: int, group: int):
    """Checks the numbers: `kept` (N) of each `group` (M) inputs stay."""
    if not 1 <= kept < group <= _LARGEST_GROUP:
      raise errors.InputError(
        f'granularity N:M must have 1 <= N < M <= {_LARGEST_GROUP}, '
        f'got {kept}:{group}'
      )
    self.kept = kept
    self.group = group

  @classmethod
  def parse(cls, text: str) -> Optional['NOfM']:
    match = re.fullmatch(r'(\d{1,9}):(\d{1,9})', text)
    return match and cls(*map(int, match.groups()))

  def __str__(self) -> str:
    return f'{self.kept}:{self.group}'

  @property
  def fixed_sparsity(self) -> Optional[float]:
    return 1 - self.kept / self.group


class Block(Pattern):
  """Blocks of I inputs and O outputs of one position, as 4x4.

  Those at the edge of a kernel are cut off.
  """

  form = 'IxO'
  commands = (TRAINING, UNTRAINED)

  def __init__(self, inputs: int, outputs: int):
    """Checks the size of a block."""
    self.inputs = checks.count('inputs of a block', inputs)
    self.outputs = checks.count('outputs of a block', outputs)

  @classmethod
  def parse(cls, text: str) -> Optional['Block']:
    match = re.fullmatch(r'(\d{1,9})x(\d{1,9})', text)
    return match and cls(*map(int, match.groups()))

  def __str__(self) -> str:
    return f'{self.inputs}x{self.outputs}'

  def check_kernel(self, layer: str, inputs: int, outputs: int) -> None:
    if inputs < self.inputs and outputs < self.outputs:
      raise errors.InputError(
        f'blocks of granularity {self} are larger than the kernel of layer '
        f'{layer}, which has {inputs} inputs and {outputs} outputs: take '
        'smaller ones, or exclude the layer'
      )


class Filter(Pattern):
  """All weights of an output channel (Li et al. 2017)."""

  form = 'filter'
  commands = (TRAINING, ANALYSIS)


class Channel(Pattern):
  """All weights of an input channel."""

  form = 'channel'
  commands = (UNTRAINED,)


class Division(choices.Choice):
  """How zeros are divided among layers."""

  def check_pattern(self, pattern: Pattern) -> None:
    """Raises `InputError` where the pattern leaves nothing to divide."""
    if pattern.fixed_sparsity is not None and self.form != Uniform.form:
      raise errors.InputError(
        f'granularity {pattern} gives every layer the same sparsity, so '
        f'allocation must be {Uniform.form}, got {self}'
      )


class Uniform(Division):
  """The same sparsity in every layer."""

  form = 'uniform'
  commands = (TRAINING, UNTRAINED)


class ErdosRenyiKernel(Division):
  """Kept weights in proportion to the sides of a kernel (Evci et al. 2020)."""

  form = 'erdos_renyi_kernel'
  commands = (TRAINING,)


class Global(Division):
  """The lowest scores of all layers together, wherever they are."""

  form = 'global'
  commands = (TRAINING,)


class EqualError(Division):
  """The same relative error at the outputs of every layer."""

  form = 'equal_error'
  commands = (UNTRAINED,)


class LeastCost(Division):
  """The least cost at the outputs of the detector."""

  form = 'least_cost'
  commands = (UNTRAINED,)


PATTERNS = (Weight, NOfM, Block, Filter, Channel)
DIVISIONS = (Uniform, ErdosRenyiKernel, Global, EqualError, LeastCost)
