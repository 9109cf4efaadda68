"""The cells of a row: what is done with a detector, and what must come out."""

import os
import re
from typing import Any, Callable, Dict, NamedTuple, Tuple

import checks
import detectors
import forking
import full_configs

import configs
from object_detection_pruning.dataset_tools import detection_data
from object_detection_pruning.export import tflite as tflite_files

YES = 'yes'
# Nothing that could be done with this detector.
NOT_MEANT = '-'


class Detector:
  """A detector that is checked.

  Attributes:
    entry: what it is.
    folder: for all that is written.
    run: what runs commands.
    data: to train and to evaluate on.
    is_full: whether it has its full size.
    facts: what earlier cells found out.
  """

  def __init__(
    self,
    entry: configs.Entry,
    folder: str,
    run: forking.Runner,
    data: detection_data.DetectionData,
    is_full: bool = False,
  ):
    self.entry, self.folder, self.run, self.data = entry, folder, run, data
    self.is_full = is_full
    self.facts: Dict[str, Any] = {}
    pipeline = (full_configs if is_full else configs).pipeline
    self.config = detectors.write(pipeline(entry, data), folder)

  def path(self, *names: str) -> str:
    """Names a file in the folder."""
    return os.path.join(self.folder, *names)

  @property
  def trained(self) -> Tuple[str, str]:
    """The flags that name the trained detector."""
    return (
      f'--pipeline_config_path={self.config}',
      f'--checkpoint={self.path("model")}',
    )

  def checkpoint(self, step: int) -> str:
    """Names the checkpoint of a step."""
    return self.path('model', f'model.ckpt-{step}')

  @property
  def graph(self) -> str:
    """The exported graph."""
    return self.path('exported', 'frozen_inference_graph.pb')


def train(detector: Detector) -> str:
  """A training step, with masks as the schedule wants them."""
  _train_to(detector, 1)
  detector.run.call(checks.zeros_are_planned, detector.checkpoint(1))
  return YES


def masks(detector: Detector) -> str:
  """Its kernels are masked."""
  found = detector.run.call(checks.masked_kernels, detector.checkpoint(1))
  detector.facts.update(found)
  share = found['masked_values'] / found['all_values']
  text = f'{found["masked"]}, {share:.1%}'
  if found['without']:
    text += f'; no mask: {", ".join(found["without"][:2])}'
  return text


def parameters(detector: Detector) -> str:
  """The number of values that are trained, in millions."""
  return f'{detector.facts["parameters"] / 1e6:.1f}'


def memory(detector: Detector) -> str:
  """The most that the training step had in memory, in GB."""
  return f'{detector.facts["peak_gb"]:.1f}'


def size(detector: Detector) -> str:
  """The height and width of what the network is fed."""
  return str(full_configs.image_size(detector.entry))


def stock(detector: Detector) -> str:
  """The stock code alone builds it; of interest where training fails."""
  size = configs.image_size(detector.entry)
  detector.run.call(checks.stock_builds, detector.config, size)
  return YES


def restart(detector: Detector) -> str:
  """The same command goes on for another step."""
  _train_to(detector, 2)
  detector.run.call(
    checks.went_on, detector.checkpoint(1), detector.checkpoint(2)
  )
  if not detector.entry.is_ssd:
    detector.run.call(
      checks.recalibrate, detector.config, detector.checkpoint(2)
    )
  return YES


def export(detector: Detector) -> str:
  """A frozen graph with the zeros in it."""
  shape = ()
  if detector.entry.has_known_shapes:
    size = configs.image_size(detector.entry)
    shape = (f'--input_shape=1,{size},{size},3',)
  detector.run.command(
    'export_inference_graph',
    *detector.trained,
    *shape,
    f'--output_dir={detector.path("exported")}',
  )
  unused = detector.run.call(
    checks.zeros_are_exact, detector.facts['checkpoint'], detector.graph
  )
  if unused:
    return f'{YES}; {len(unused)} kernels that no output needs are left out'
  return YES


def sparse(detector: Detector) -> str:
  """The sparse graph finds what the plain one finds."""
  printed = detector.run.command(
    'export_sparse_graph',
    f'--model={detector.graph}',
    f'--output_path={detector.path("exported", "sparse_inference_graph.pb")}',
    '--measure_seconds=0',
  )
  # TensorFlow has warnings of its own.
  is_more = 'WARNING: this is more than rounding' in printed
  if is_more or 'differ by at most' not in printed:
    lines = re.findall('.*(?:differ by|no outputs|detections are).*', printed)
    raise forking.Failed('; '.join(lines) or 'nothing was compared')
  return YES


def channels(detector: Detector) -> str:
  """A quarter of the channels of each group is removed, the net rebuilt."""
  folder = detector.path('narrow')
  detector.run.command(
    'prune_channels',
    *detector.trained,
    '--ratio=0.25',
    '--recalibrate_batch_norm=0',
    f'--output_dir={folder}',
  )
  return f'{checks.parameters_left(folder):.0%} left'


def sensitivity(detector: Detector) -> str:
  """One layer is pruned alone and the loss measured."""
  output = detector.path('sensitivity.json')
  layer = detector.facts['middle'].rpartition('/')[0]
  detector.run.command(
    'analyze_sensitivity',
    *detector.trained,
    '--granularity=weight',
    f'--include=^{re.escape(layer)}$',
    '--ratios=0.9',
    '--metric=loss',
    '--num_examples=1',
    f'--output_path={output}',
  )
  checks.has_one_point(output)
  return YES


def untrained(detector: Detector) -> str:
  """It is pruned further from photos."""
  folder, target = detector.path('untrained'), 0.8
  source = detector.trained
  if detector.entry.has_known_shapes:
    source = (f'--model={detector.graph}',)
  detector.run.command(
    'prune_weights',
    *source,
    f'--images={detector.data.train_record}',
    '--num_images=2',
    '--allocation=uniform',
    f'--sparsity={target}',
    f'--output_dir={folder}',
  )
  share = detector.run.call(checks.sparsity_of, folder)
  if share < target - 0.001:
    raise forking.Failed(f'only {share:.1%} zeros, {target:.0%} were asked for')
  return YES


def tflite(detector: Detector) -> str:
  """A TFLite model of an SSD."""
  if not detector.entry.is_ssd:
    return NOT_MEANT
  detector.run.command(
    'export_tflite',
    *detector.trained,
    f'--output_dir={detector.path("tflite")}',
  )
  # A model that an interpreter cannot run may end the process.
  model = detector.path('tflite', tflite_files.MODEL)
  detector.run.call(checks.runs_tflite, model)
  return YES


class Cell(NamedTuple):
  """A cell: its column's key, the cell that it needs, and what does it."""

  key: str
  needs: str
  check: Callable[[Detector], str]


CELLS = (
  Cell('train', '', train),
  Cell('masks', 'train', masks),
  Cell('restart', 'train', restart),
  Cell('export', 'train', export),
  Cell('sparse', 'export', sparse),
  Cell('channels', 'train', channels),
  Cell('sensitivity', 'masks', sensitivity),
  Cell('untrained', 'train', untrained),
  Cell('tflite', 'train', tflite),
)
# Of a detector of full size.
FULL_CELLS = (
  Cell('size', '', size),
  Cell('train', '', train),
  Cell('masks', 'train', masks),
  Cell('parameters', 'masks', parameters),
  Cell('memory', 'train', memory),
)
# Looked at where training fails.
STOCK = Cell('stock', '', stock)


def _train_to(detector: Detector, step: int) -> None:
  folder = detector.path('model')
  detector.facts['peak_gb'] = detector.run.call(
    checks.train, detector.config, folder, step
  )
  detector.facts['checkpoint'] = detector.checkpoint(step)
