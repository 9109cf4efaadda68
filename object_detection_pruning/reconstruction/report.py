"""What a run came to: each layer, and all of them together."""

import json
import math
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from object_detection_pruning.common import atomic_files


class LayerResult(NamedTuple):
  """What became of a layer.

  Attributes:
    name: of the layer.
    shape: of its kernel.
    zeros: among its weights.
    error: squared error of its outputs relative to their own squares, after it
      was fitted; None where it was left as it was.
    pruned: whether it was among the layers to prune.
    rows: positions on all pictures that it was fitted to; 0 where it was left
      as it was.
  """

  name: str
  shape: List[int]
  zeros: int
  error: Optional[float]
  pruned: bool
  rows: int = 0

  @classmethod
  def of(
    cls, name: str, kernel: np.ndarray, error: Optional[float], **others
  ) -> 'LayerResult':
    """Describes a kernel as it is now; arguments are the attributes."""
    zeros = int(kernel.size - np.count_nonzero(kernel))
    return cls(name, list(kernel.shape), zeros, error, **others)

  @property
  def size(self) -> int:
    """Number of weights."""
    return int(np.prod(self.shape))

  @property
  def inputs(self) -> int:
    """Weights of one output."""
    return self.size // self.shape[-1]


class Report(NamedTuple):
  """Of a run.

  Attributes:
    layers: in the order of the graph.
    left_alone: kernels that could not be changed, with the reason, by node.
    photos: pictures that were looked at; 0 where nothing was refitted.
    skipped: files that were no pictures.
    generated: whether the pictures were made up.
    refinement: distances from the dense network on the photos left out of
      refinement, at its start and at each look; empty without it.
  """

  layers: List[LayerResult]
  left_alone: Dict[str, str]
  photos: int
  skipped: int
  generated: bool
  refinement: List[float]

  @property
  def sparsity(self) -> float:
    """Share of zeros of the layers that were to be pruned."""
    chosen = [layer for layer in self.layers if layer.pruned]
    return sum(layer.zeros for layer in chosen) / max(
      1, sum(layer.size for layer in chosen)
    )

  def notes(self) -> List[str]:
    """What the user should know: which layers would need more pictures."""
    short = [
      layer
      for layer in self.layers
      if layer.pruned and layer.rows and layer.rows < layer.inputs
    ]
    if not short:
      return []
    worst = max(short, key=lambda layer: layer.inputs / layer.rows)
    enough = math.ceil(self.photos * worst.inputs / worst.rows)
    return [
      f'{self.photos} pictures are few for {len(short)} of the {self._count()} '
      f'pruned layers, which are held near their dense weights: '
      f'{worst.name} was fitted to {worst.rows} positions and has '
      f'{worst.inputs} inputs; {enough} pictures would be enough for all'
    ]

  def as_json(self) -> Dict[str, Any]:
    """The report as plain values."""
    return {
      'sparsity': self.sparsity,
      'photos': self.photos,
      'skipped': self.skipped,
      'generated': self.generated,
      'layers': [
        dict(layer._asdict(), sparsity=layer.zeros / layer.size)
        for layer in self.layers
      ],
      'left_alone': self.left_alone,
      'refinement_distances': self.refinement,
      'notes': self.notes(),
    }

  def write(self, path: str) -> None:
    """Writes it as JSON."""
    with atomic_files.writing(path) as (temporary,), open(
      temporary, 'w'
    ) as file:
      json.dump(self.as_json(), file, indent=2)

  def __str__(self) -> str:
    width = max(len(layer.name) for layer in self.layers)
    lines = [f'{"layer":{width}}  {"kernel":>14}  {"zeros":>7}  {"error":>8}']
    for layer in self.layers:
      shape = 'x'.join(str(side) for side in layer.shape)
      error = '-' if layer.error is None else f'{layer.error:.5f}'
      share = f'{layer.zeros / layer.size:.1%}'
      lines.append(f'{layer.name:{width}}  {shape:>14}  {share:>7}  {error:>8}')
    for node, reason in self.left_alone.items():
      lines.append(f'{node} was left alone: {reason}')
    lines.append(
      f'{self.sparsity:.2%} zeros in the {self._count()} pruned kernels'
      + self._origin()
    )
    if self.refinement:
      start, best = self.refinement[0], min(self.refinement)
      lines.append(
        'refinement: distance from the dense network, on photos left out of '
        f'it, {start:.4f} at the start'
        + (
          f', {best:.4f} at best'
          if best < start
          else ' and no less later: the result is that without refinement'
        )
      )
    return '\n'.join(lines + self.notes())

  def _origin(self) -> str:
    if not self.photos:
      return ', which are not refitted'
    kind = 'generated pictures' if self.generated else 'pictures'
    skipped = f' ({self.skipped} files were no pictures)' * bool(self.skipped)
    return f', from {self.photos} {kind}{skipped}'

  def _count(self) -> int:
    return sum(layer.pruned for layer in self.layers)
