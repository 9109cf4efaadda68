"""What commands make of an analysis: narrow networks, layer sparsities."""

import json
import os
import shutil

import analyses
import averages
import detectors
import processes
import pytest

from object_detection_pruning.builders import pipeline
from object_detection_pruning.common import errors
from object_detection_pruning.models import registry
from object_detection_pruning.sensitivity import (
  choice_plans,
  fingerprints,
  results,
  results_file,
  selection,
)

PRUNE = 'object_detection_pruning.prune_channels'
ALLOCATE = 'object_detection_pruning.allocate_sparsity'
PREFIX = 'FeatureExtractor/MobilenetV1/'


def _edited(analysis, path, losses=None, **setup):
  """Copies a file, with other figures in it."""
  found = results_file.load(analysis)
  layers = [
    layer._replace(
      points={
        ratio: {'loss': found.baseline['loss'] * (1 + loss)}
        for ratio, loss in (losses or {})
        .get(layer.name[len(PREFIX) :], {})
        .items()
      }
      or layer.points
    )
    for layer in found.layers
  ]
  edited = found._replace(layers=layers, setup=found.setup._replace(**setup))
  results_file.save(edited, path)
  return path


@pytest.fixture(scope='module')
def known(analysis, tmp_path_factory):
  """An analysis with figures that are easy to choose from."""
  return _edited(
    analysis,
    str(tmp_path_factory.mktemp('known') / 'a.json'),
    {
      'Conv2d_2_pointwise': {0.25: 0.1, 0.5: 0.3},
      'Conv2d_3_pointwise': {0.25: -0.1, 0.5: -0.2},
      'Conv2d_13_pointwise': {0.25: 0.5, 0.5: 0.9},
    },
  )


def _prune(dense, *more):
  return [
    f'--pipeline_config_path={dense.path}',
    f'--checkpoint={dense.checkpoint}',
    '--recalibrate_batch_norm=0',
  ] + list(more)


def test_prunes_what_the_bound_allows(dense, known, tmp_path):
  result = processes.python(
    '-m',
    PRUNE,
    *_prune(dense, f'--sensitivities={known}', f'--output_dir={tmp_path}/out'),
    '--eval_metric_loss=0.2',
  )
  assert result.returncode == 0, result.stderr
  with open(str(tmp_path / 'out' / 'plan.json')) as file:
    groups = {entry['group']: entry for entry in json.load(file)['groups']}
  gone = {
    name[len(PREFIX) :]: entry['channels'] - len(entry['kept'])
    for name, entry in groups.items()
    if len(entry['kept']) < entry['channels']
  }
  sizes = {name: groups[PREFIX + name]['channels'] for name in gone}
  assert gone == {
    # Half way between 0.25 and 0.5.
    'Conv2d_2_pointwise': int(sizes['Conv2d_2_pointwise'] * 0.375),
    'Conv2d_3_pointwise': sizes['Conv2d_3_pointwise'] // 2,
    'Conv2d_13_pointwise': int(sizes['Conv2d_13_pointwise'] * 0.1),
  }


BAD_FLAGS = [
  ([], 'give one of --eval_metric_loss, --target_macs and --target_params'),
  (['--eval_metric_loss=-1'], '--eval_metric_loss must be 0 or more'),
  (['--eval_metric_loss=0.1', '--ratio=0.5'], '--ratio does not go with'),
  (['--eval_metric_loss=0.1', '--target_macs=0.5'], 'give one of'),
  (['--target_macs=0.2'], 'the target 0.2 cannot be reached: 0.'),
  (
    ['--eval_metric_loss=0.1', '--importance=l2'],
    'KNOWN was measured with --importance=l1, not l2',
  ),
  (
    ['--eval_metric_loss=0.1', '--sensitivities=FOREIGN'],
    'FOREIGN was measured on another checkpoint',
  ),
  (
    ['--eval_metric_loss=0.1', '--sensitivities=WEIGHTS'],
    'WEIGHTS was measured on single weights',
  ),
  (
    ['--eval_metric_loss=0.1', '--sensitivities=DAMAGED'],
    'DAMAGED is no whole sensitivity file',
  ),
  (
    ['--eval_metric_loss=0.1', '--include=Conv2d_5_pointwise'],
    'the sensitivities hold none of these layers',
  ),
]


def test_bad_input_gives_one_line_and_leaves_nothing_behind(
  dense, known, tmp_path
):
  paths = {
    name: str(tmp_path / f'{name}.json')
    for name in ('KNOWN', 'FOREIGN', 'WEIGHTS', 'DAMAGED')
  }
  shutil.copyfile(known, paths['KNOWN'])
  _edited(known, paths['FOREIGN'], checkpoint='f' * 64)
  _edited(known, paths['WEIGHTS'], granularity='weight', importance=None)
  with open(paths['DAMAGED'], 'w') as file:
    file.write('{')

  def placed(text):
    for name, path in paths.items():
      text = text.replace(name, path)
    return text

  answers = processes.command(
    PRUNE,
    [
      _prune(dense, f'--output_dir={tmp_path}/out')
      + ['--sensitivities=' + paths['KNOWN']]
      + [placed(flag) for flag in flags]
      for flags, _ in BAD_FLAGS
    ],
  )
  for answer, (_, message) in zip(answers, BAD_FLAGS):
    processes.assert_refused(answer, placed(message), alone=False)
  assert not os.path.exists(str(tmp_path / 'out'))


@pytest.mark.parametrize('entry', ['', 'layer_sparsity { layer: "" %s }'])
def test_layers_that_were_not_measured_need_a_sparsity_of_their_own(entry):
  config = detectors.config(
    detectors.ssd(masked=True),
    pruning='target_sparsity: 0.9 allocation: "erdos_renyi_kernel"'
    + entry.replace('%s', 'target_sparsity: 0.7'),
  )
  setup = results.Setup(
    *(fingerprints.of_model(config), 'c', 'd', 1, 'weight', None, 'mAP', 0)
  )
  layer = f'{PREFIX}Conv2d_2_pointwise'
  choice = selection.Choice({layer: 1}, {layer: 0.0}, None, None)
  found = results.Results(setup, {'mAP': 1.0}, [], None)
  if entry:
    made = choice_plans.sparsity_map(config, found, choice, 'a.json')
    assert made.sparsities[f'{PREFIX}Conv2d_3_pointwise'] == 0.7
    return
  with pytest.raises(errors.InputError, match='was not measured, and what all'):
    choice_plans.sparsity_map(config, found, choice, 'a.json')


def test_weights_of_a_file_become_layer_sparsities(dense, tmp_path):
  output = str(tmp_path / 'weights.json')
  result = processes.python(
    '-m',
    analyses.ANALYZE,
    *dense.arguments(output, '--granularity=weight', *analyses.FLAGS),
  )
  assert result.returncode == 0, result.stderr
  _edited(
    output,
    output,
    {
      'Conv2d_2_pointwise': {0.25: 0.1, 0.5: 0.3},
      'Conv2d_3_pointwise': {0.25: -0.1, 0.5: -0.2},
      'Conv2d_13_pointwise': {0.25: 1e9, 0.5: 1e9},
    },
  )
  result = processes.python(
    '-m',
    ALLOCATE,
    f'--pipeline_config_path={dense.path}',
    f'--sensitivities={output}',
    '--eval_metric_loss=0.2',
    f'--output_dir={tmp_path}/sparse',
  )
  assert result.returncode == 0, result.stderr
  config = pipeline.load(str(tmp_path / 'sparse' / 'pipeline.config'))
  message = pipeline.pruning_message(config)
  targets = {
    entry.layer: entry.target_sparsity for entry in message.layer_sparsity
  }
  patterns = [f'^{PREFIX}Conv2d_{number}_pointwise$' for number in (2, 3)]
  assert list(targets) == patterns
  assert targets[patterns[0]] == pytest.approx(0.375, abs=0.005)
  assert targets[patterns[1]] == 0.5
  assert list(message.include) == patterns
  sizes = {layer.name: layer.size for layer in results_file.load(output).layers}
  # The total is of the layers that are masked, and of no others.
  two, three = (sizes[f'{PREFIX}Conv2d_{n}_pointwise'] for n in (2, 3))
  assert message.target_sparsity == pytest.approx(
    (targets[patterns[0]] * two + 0.5 * three) / (two + three)
  )
  assert f'all of them: {message.target_sparsity:.3f}' in result.stdout
  assert config.model == dense.config.model
  _check_masked(dense.config, output, sizes)
  _check_total(dense, output, sizes, tmp_path)


def _check_total(dense, output, sizes, tmp_path):
  """Asks for an exact total, with and without writing."""
  curves = len(results_file.load(output).curves())
  arguments = [
    f'--pipeline_config_path={dense.path}',
    f'--sensitivities={output}',
  ]
  out = f'--output_dir={tmp_path}/total'
  dry, wrong, late, none, written = processes.command(
    ALLOCATE,
    [
      [*arguments, '--sparsity=0.4', '--dry_run', out],
      [*arguments, '--sparsity=0.4', '--target_params=0.5', out],
      [*arguments, '--sparsity=0.6', out],
      [*arguments, '--sparsity=0.4'],
      [*arguments, '--sparsity=0.4', out],
    ],
  )
  processes.assert_refused(wrong, 'give one of --eval_metric_loss, --sparsity')
  processes.assert_refused(late, 'the sparsity 0.6 cannot be reached: it is 0.')
  processes.assert_refused(none, '--output_dir is needed, or --dry_run')
  assert written.returncode == 0, written.stderr
  message = pipeline.pruning_message(
    pipeline.load(str(tmp_path / 'total' / 'pipeline.config'))
  )
  # Layers that lose nothing count as well.
  assert len(message.include) == len(message.layer_sparsity) == curves
  zeros = 0
  for entry in message.layer_sparsity:
    size = sizes[entry.layer[1:-1]]
    zeros += round(entry.target_sparsity * size)
  measured = sum(sizes[entry.layer[1:-1]] for entry in message.layer_sparsity)
  assert zeros == round(0.4 * measured)
  line = f'zeros in the measured layers: {zeros:,} of {measured:,} weights'
  assert line in written.stdout
  assert dry.returncode == 0, dry.stderr
  shown, _, path = written.stdout.rstrip('\n').rpartition('; ')
  assert dry.stdout == shown + '\n'
  assert path == str(tmp_path / 'total' / 'pipeline.config')


def _check_masked(dense_config, output, sizes):
  """Allocates to a config that masks more than was measured."""
  config = type(dense_config)()
  config.CopyFrom(dense_config)
  config.model.CopyFrom(registry.as_masked(config.model))
  message = pipeline.pruning_message(config)
  message.target_sparsity = 0.4
  message.exclude.append('Conv2d_0$')
  message.layer_sparsity.add(layer='Conv2d_[12]_pointwise', target_sparsity=0.1)
  found = results_file.load(output)
  choice = selection.choose(found, selection.Target(metric_loss=0.2))
  made = choice_plans.sparsity_map(config, found, choice, output)
  expected = {'Conv2d_1_pointwise': 0.1, 'Conv2d_3_pointwise': 0.5}
  expected.update({'Conv2d_4_pointwise': 0.4, 'Conv2d_13_pointwise': 0.0})
  for name, sparsity in expected.items():
    assert made.sparsities[PREFIX + name] == pytest.approx(sparsity), name
  assert PREFIX + 'Conv2d_0' not in made.sparsities
  assert len(made.kept) == len(made.sparsities) - 3
  entries = pipeline.pruning_message(made.config).layer_sparsity
  assert len(entries) == len(made.sparsities)
  assert made.sparsity == pytest.approx(
    sum(made.sparsities[n] * sizes[n] for n in made.sparsities)
    / sum(sizes[n] for n in made.sparsities)
  )
  masked = choice_plans.masked_layers(config)
  assert set(masked) == set(made.sparsities)
  total = selection.choose(found, selection.Target(sparsity=0.3), masked)
  made = choice_plans.sparsity_map(config, found, total, output, True)
  measured = [name for name in sizes if name not in made.kept]
  measured = sum(sizes[name] for name in measured if name in made.sizes)
  assert made.measured_zeros == (round(0.3 * measured), measured)
  assert made.sparsities[PREFIX + 'Conv2d_4_pointwise'] == pytest.approx(0.4)
  message.exclude.append('Conv2d_3_pointwise')
  with pytest.raises(errors.InputError, match='Conv2d_3_pointwise is to lose'):
    choice_plans.sparsity_map(config, found, choice, output)


def test_the_channels_of_moving_averages_go_that_were_measured(dense, known):
  found = results_file.load(known)
  target = selection.Target(metric_loss=0.35)
  expected = choice_plans.channel_plan(
    dense.network, dense.tensors, found, target, known
  )
  averaged = dense.network._replace(
    config=averages.evaluating(dense.network.config)
  )
  hidden = averages.into_averages(dense.tensors)
  plan = choice_plans.channel_plan(averaged, hidden, found, target, known)
  assert set(plan.removed) == set(expected.removed)
  for name, channels in expected.removed.items():
    assert plan.removed[name].tolist() == channels.tolist()
  with pytest.raises(errors.InputError, match='on another checkpoint'):
    choice_plans.channel_plan(dense.network, hidden, found, target, known)
