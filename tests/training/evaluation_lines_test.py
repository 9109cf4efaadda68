import shlex

import numpy as np

from object_detection_pruning.common import checkpoints
from object_detection_pruning.training import evaluation_lines


def test_command_to_go_on_with_can_be_pasted(tmp_path):
  folder = tmp_path / "it's a run"
  folder.mkdir()
  prefix = str(folder / 'model.ckpt-7')
  checkpoints.write(prefix, {'global_step': np.int64(7)})
  checkpoints.name_latest(prefix)
  text = evaluation_lines.last_lines(str(folder), None)
  (command,) = [each for each in text.splitlines() if each.startswith('next: ')]
  assert shlex.split(command)[1:] == [
    'odp',
    'export_inference_graph',
    f'--pipeline_config_path={folder}/pipeline.config',
    f'--checkpoint={folder}',
    f'--output_dir={folder}/export',
  ]
