"""What `model_main --dry_run` prints, and that it leaves nothing behind."""

import os
import re

import detectors
import numpy as np
import processes
import pytest

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.training import dry_run

WINDOW = 'target_sparsity: 0.8 start_step: 2 end_step: 9 '


def describe(
  pruning,
  model_dir='/nowhere',
  masked=True,
  start='',
  steps=20,
  kind='detection',
):
  config = detectors.config(detectors.ssd(masked=masked), pruning=pruning)
  config.train_config.fine_tune_checkpoint = start
  config.train_config.fine_tune_checkpoint_type = kind
  return dry_run.describe(config, steps, model_dir)


def rows(text):
  """Weights and zeros by layer, and of all."""
  found = {}
  for line in text.splitlines():
    match = re.fullmatch(r'(.+?) +([\dx]*) +([\d,]+) +([\d,]+) +[\d.]+', line)
    if match:
      numbers = [int(match.group(n).replace(',', '')) for n in (3, 4)]
      found[match.group(1).strip()] = tuple(numbers)
  return found


def test_lists_each_masked_kernel_and_the_sum():
  text = describe(WINDOW)
  assert text.splitlines()[0] == (
    'criterion magnitude, granularity weight, allocation uniform'
  )
  assert 'from step 2 to 9, every 10 steps; at step 9:' in text
  found = rows(text)
  size, zeros = found.pop('all 22 masked kernels')
  assert len(found) == 22
  assert [sum(column) for column in zip(*found.values())] == [size, zeros]
  assert all(z == round(0.8 * n) for n, z in found.values())


def test_allocation_is_exact_in_the_sum():
  found = rows(describe(WINDOW + 'allocation: "erdos_renyi_kernel"'))
  size, zeros = found.pop('all 22 masked kernels')
  assert zeros == round(0.8 * size)
  shares = [z / n for n, z in found.values()]
  assert min(shares) == 0
  assert max(shares) > 0.8


@pytest.mark.parametrize(
  'regrowth, words',
  [
    ('soft', 'Masked weights go on learning until the last update'),
    ('set', 'each update replaces up to 0.3 of the weights that are kept'),
  ],
)
def test_regrowth_is_told_and_changes_no_number(regrowth, words):
  text = describe(WINDOW + f'regrowth: "{regrowth}"')
  assert words in text.splitlines()[-1]
  assert rows(text) == rows(describe(WINDOW))


def test_run_that_ends_early_shows_what_it_reaches():
  text = describe(WINDOW + 'frequency: 2', steps=7)
  size, zeros = rows(text)['all 22 masked kernels']
  assert 'at step 6:' in text
  assert 0.6 * size < zeros < 0.8 * size


def test_weights_of_the_start_decide_where_they_count(run):
  checkpoint = checkpoints.resolve(run.model_dir)
  text = describe(WINDOW + 'allocation: "global"', start=checkpoint)
  assert f'From the weights of {checkpoint}.' in text
  found = rows(text)
  size, zeros = found.pop('all 22 masked kernels')
  assert zeros == round(0.8 * size)
  weights = {
    name: np.abs(checkpoints.read(checkpoint)[f'{name}/weights'])
    for name, (_, count) in found.items()
    if count > begun(checkpoint)[name] or not count
  }
  threshold = np.sort(np.concatenate([w.ravel() for w in weights.values()]))[
    sum(found[name][1] for name in weights) - 1
  ]
  for name, array in weights.items():
    count = found[name][1]
    assert count in (int(0.99 * array.size), (array <= threshold).sum()), name


def begun(checkpoint):
  """Gives the zeros that the masks of a checkpoint have, by layer."""
  return {
    name[: -len('/mask')]: int((mask == 0).sum())
    for name, mask in checkpoints.read(checkpoint).items()
    if name.endswith('/mask')
  }


def test_zeros_that_training_begins_with_count(run):
  checkpoint = checkpoints.resolve(run.model_dir)
  low = WINDOW.replace('0.8', '0.1')
  found = rows(describe(low, start=checkpoint))
  found.pop('all 22 masked kernels')
  begun_with = begun(checkpoint)
  assert {name: zeros for name, (_, zeros) in found.items()} == begun_with
  assert min(begun_with.values()) > 0


def test_masks_and_weights_of_a_classifier_count(run, tmp_path):
  # Its names have no scope of a detector in front.
  scope = 'FeatureExtractor/'
  tensors = checkpoints.read(checkpoints.resolve(run.model_dir))
  start = str(tmp_path / 'classifier.ckpt')
  checkpoints.write(
    start,
    {
      name[len(scope) :]: value
      for name, value in tensors.items()
      if name.startswith(scope)
    },
  )
  for allocation in ('uniform', 'global'):
    pruning = f'{WINDOW} allocation: "{allocation}"'.replace('0.8', '0.1')
    texts = [
      describe(pruning, start=checkpoint, kind=kind)
      for checkpoint, kind in (
        (checkpoints.resolve(run.model_dir), 'detection'),
        (start, 'classification'),
      )
    ]
    first, second = map(rows, texts)
    assert first == second
    assert first['all 22 masked kernels'][1] > 0
  with pytest.raises(errors.InputError, match='gives no FeatureExtractor/'):
    describe(WINDOW + 'allocation: "global"', start=start)


@pytest.mark.parametrize(
  'pruning, arguments, words',
  [
    ('include: "Conv2d_1_"', {}, 'set target_sparsity (--sparsity)'),
    (WINDOW, {'masked': False}, 'is not masked, so nothing could be pruned'),
    (WINDOW + 'exclude: "no_such"', {}, "exclude pattern 'no_such' is found"),
    (WINDOW + 'allocation: "global"', {}, 'name a fine_tune_checkpoint'),
    (
      WINDOW + 'exclude: "Conv" exclude: "Box"',
      {},
      'no kernel got a mask: exclude patterns must leave',
    ),
    (
      WINDOW,
      {'start': '/some/model.ckpt', 'kind': 'full'},
      'Not supported fine_tune_checkpoint_type: full',
    ),
    (WINDOW, {'steps': 2}, 'start_step (--pruning_start_step) must be before'),
  ],
)
def test_what_cannot_be_told_is_an_error(pruning, arguments, words):
  with pytest.raises(errors.InputError) as error:
    describe(pruning, **arguments)
  assert words in str(error.value)


def test_command_prints_it_and_writes_nothing(tmp_path):
  # Without data: a dry run looks at none.
  config = detectors.write(
    detectors.config(detectors.ssd(masked=True)), tmp_path / 'config'
  )
  model_dir = str(tmp_path / 'model')
  (result,) = processes.command(
    'object_detection_pruning.model_main',
    [
      [
        f'--pipeline_config_path={config}',
        f'--model_dir={model_dir}',
        '--num_train_steps=20',
        '--sparsity=0.8',
        '--allocation=erdos_renyi_kernel',
        '--max_layer_sparsity=0.9',
        '--dry_run',
      ]
    ],
  )
  assert result.returncode == 0, result.stderr
  assert 'allocation erdos_renyi_kernel' in result.stdout
  found = rows(result.stdout)
  size, zeros = found.pop('all 22 masked kernels')
  assert zeros == round(0.8 * size)
  assert max(z / n for n, z in found.values()) <= 0.9
  assert not os.path.exists(model_dir)
