"""A detector to prune with `prune_channels`, and its arguments."""

import detectors
import numpy as np

from object_detection_pruning.channels import pruning
from object_detection_pruning.common import checkpoints

MODULE = 'object_detection_pruning.prune_channels'
POINTWISE = 'FeatureExtractor/MobilenetV1/Conv2d_1_pointwise'
# Files that stand in the flags below by name.
FILES = {
  'GOOD': '{"Conv2d_1_pointwise": 0.5, "Conv2d_1[0-2]_pointwise$": 0.25}',
  'PLAIN': 'half of it',
  'LIST': '[0.5]',
  'HIGH': '{"Conv2d_1_pointwise": 1}',
  'WORD': '{"Conv2d_1_pointwise": "half"}',
  'NOWHERE': '{"Conv9": 0.5}',
}


def write(folder, data):
  """Writes a config, random weights and more that flags name into a folder.

  Args:
    folder: an empty one.
    data: records to train on.

  Returns:
    the folder.
  """
  config = detectors.config(detectors.ssd(), data)
  detectors.write(config, folder)
  detectors.write(detectors.config(detectors.ssd(depth=0.5)), folder / 'other')
  detectors.write(detectors.config(detectors.ssd()), folder / 'no_data')
  untrained = detectors.config(detectors.ssd(), data)
  untrained.train_config.ClearField('optimizer')
  detectors.write(untrained, folder / 'no_optimizer')
  (folder / 'empty.record').write_bytes(b'')
  empty = data._replace(train_record=str(folder / 'empty.record'))
  detectors.write(detectors.config(detectors.ssd(), empty), folder / 'empty')
  (folder / 'link').symlink_to(folder, target_is_directory=True)
  for name, content in FILES.items():
    (folder / name).write_text(content)
  random = np.random.RandomState(0)
  shapes = pruning.analyze(config).shapes
  tensors = {}
  for name, shape in shapes.items():
    tensors[name] = random.normal(0, 0.1, shape).astype(np.float32)
    if 'variance' in name:
      tensors[name] = np.ones(shape, np.float32)
  slot = POINTWISE + '/weights/Momentum'
  tensors[slot] = tensors[POINTWISE + '/weights'] * 2
  tensors['global_step'] = np.int64(7)
  checkpoints.write(str(folder / 'model.ckpt'), tensors)
  broken = tensors[POINTWISE + '/weights'].copy()
  broken.flat[:2] = np.nan, np.inf
  tensors[POINTWISE + '/weights'] = broken
  checkpoints.write(str(folder / 'broken.ckpt'), tensors)
  return folder


def arguments(folder, *more):
  """The flags that every run needs, and more."""
  return [
    f'--pipeline_config_path={folder}/pipeline.config',
    f'--checkpoint={folder}/model.ckpt',
  ] + list(more)


def with_paths(text, folder):
  """Puts paths in where files are named."""
  for name in FILES:
    text = text.replace(name, f'{folder}/{name}')
  text = text.replace('NODATA', f'{folder}/no_data/pipeline.config')
  text = text.replace('UNTRAINED', f'{folder}/no_optimizer/pipeline.config')
  text = text.replace('EMPTY', f'{folder}/empty/pipeline.config')
  text = text.replace('FOLDER', str(folder))
  return text.replace('OTHER', f'{folder}/other/pipeline.config')
