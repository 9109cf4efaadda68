"""What an experiment is, and the detectors that there are some of."""

from typing import Dict, NamedTuple, Optional, Sequence, Tuple

# Ways to make a model.
TRAIN = 'train'
RECIPE = 'recipe'
RECONSTRUCT = 'reconstruct'
MAGNITUDE = 'magnitude'
CHANNELS = 'channels'
SENSITIVITY = 'sensitivity'


class Experiment(NamedTuple):
  """A model to make and evaluate.

  Attributes:
    name: of it, within its detector.
    detector: one of `DETECTORS`.
    way: TRAIN; RECIPE, what train_detector.py makes of the detector's config;
      RECONSTRUCT, from training images without their labels;
      MAGNITUDE, the smallest weights set to zero and nothing else; CHANNELS,
      whole channels removed by prune_channels; or SENSITIVITY, TRAIN with zeros
      divided by what each layer of the start loses alone.
    start: name of the experiment to start from; None for the checkpoint of the
      detector, or random weights where it has none.
    steps: of training, or of refinement after reconstruction.
    rate: factor on the learning rate of the detector's config.
    pruning: text of the `pruning` message; a schedule runs within `window`, and
      without a target masks stay. None for a dense model.
    window: shares of the steps after which the first and the last mask update
      come.
    rewind: name of the experiment whose weights come under the masks of the
      start; None for none.
    teacher: name of the experiment to distill from; None without distillation.
    changes: text of a pipeline config, of what it changes in the detector's.
    clears_momentum: whether the momentum of masked weights is set to zero after
      each step.
    request: settings of a reconstruction, as `reconstruction.Request` has them,
      flags of prune_channels, or the sparsity and the ratios to measure.
    seeds: one run for each.
  """

  name: str
  detector: str
  way: str = TRAIN
  start: Optional[str] = None
  steps: int = 0
  rate: float = 1.0
  pruning: Optional[str] = None
  window: Tuple[float, float] = (0.0, 0.5)
  rewind: Optional[str] = None
  teacher: Optional[str] = None
  changes: str = ''
  clears_momentum: bool = False
  request: Optional[Dict[str, object]] = None
  seeds: Sequence[int] = (1,)


class Detector(NamedTuple):
  """A detector and its data.

  Attributes:
    config: file below benchmarks/, a masked or stock pipeline config.
    data: folder of records below the one given on the command line.
    checkpoint: below ODP_DATA, to start the dense model from; None for none.
    dense: training steps of the dense model.
    retrained: training steps of every model that starts from it.
    eval_config: file below benchmarks/ of what evaluation and export change in
      the config; None for nothing.
    seeds: one run for each, where all experiments have the same ones.
  """

  config: str
  data: str
  checkpoint: Optional[str]
  dense: int
  retrained: int
  eval_config: Optional[str] = None
  seeds: Sequence[int] = (1,)


SSD = 'ssd_mobilenet_v1_0.75_bccd'
FASTER = 'faster_rcnn_inception_v2_bccd'
MASK = 'mask_rcnn_inception_v2_nuclei'
DETECTORS = {
  SSD: Detector(
    'configs/ssd_masked_mobilenet_v1_bccd.config',
    'bccd',
    'ssd_mobilenet_v1_0.75_coco/model.ckpt',
    600,
    1000,
  ),
  FASTER: Detector(
    'accuracy/configs/faster_rcnn_inception_v2_bccd.config',
    'bccd',
    None,
    3000,
    1000,
    # The models of the first one are lost.
    seeds=(1, 2),
  ),
  MASK: Detector(
    'accuracy/configs/mask_rcnn_inception_v2_nuclei.config',
    'nuclei',
    None,
    3000,
    1000,
    'accuracy/configs/mask_rcnn_inception_v2_nuclei_eval.config',
  ),
}

# The main rows of sparsities and of channels have one run for each.
SEEDS = (1, 2, 3, 4, 5)
# What else is compared has these: one is enough, and the other goes on where
# the models of the first are lost.
OTHER_SEEDS = SEEDS[3:]
