import os

import processes
import pytest

BAD_FLAGS = [
  (['--input_shape=1,2,3'], '--input_shape must be four comma-separated sizes'),
  (['--input_shape=1,2,0,3'], '--input_shape must be four comma-separated'),
  (['--input_shape=a,b,c,d'], '--input_shape must be four comma-separated'),
  (
    ['--input_type=tf_example', '--input_shape=1,2,3,3'],
    'input_shape goes with input_type image_tensor, got tf_example',
  ),
  (['--trained_checkpoint_prefix=/no/model.ckpt'], 'no checkpoint at'),
  (['--trained_checkpoint_prefix=EMPTY'], 'no checkpoint in the folder'),
  (['--pipeline_config_path=/no/such.config'], 'no pipeline config at'),
  (['--config_override=model {'], 'config override is no pipeline config'),
]


@pytest.fixture(scope='module')
def refusals(run, tmp_path_factory):
  folder = tmp_path_factory.mktemp('bad')
  (folder / 'empty').mkdir()
  argument_lists = [
    [
      f'--pipeline_config_path={run.model_dir}/pipeline.config',
      f'--trained_checkpoint_prefix={run.model_dir}',
      f'--output_directory={folder}/export-{index}',
    ]
    + [flag.replace('EMPTY', str(folder / 'empty')) for flag in flags]
    for index, (flags, _) in enumerate(BAD_FLAGS)
  ]
  results = processes.command(
    'object_detection_pruning.export_inference_graph', argument_lists
  )
  assert os.listdir(str(folder)) == ['empty']
  return results


@pytest.mark.parametrize('index', range(len(BAD_FLAGS)))
def test_bad_flags_give_one_line_and_leave_nothing_behind(refusals, index):
  result = refusals[index]
  assert result.returncode == 1, result.stderr
  lines = [line for line in result.stderr.splitlines() if line]
  assert len(lines) == 1, result.stderr
  assert lines[0].startswith(f'error: {BAD_FLAGS[index][1]}')
