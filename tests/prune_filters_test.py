"""`scripts/prune_filters.sh`, with a Python that only notes its arguments."""

import functools
import os
import shutil

import fake_python
import processes
import pytest


@pytest.fixture
def run(tmp_path):
  """Runs the script; gives its result and what it started, by name."""
  script = tmp_path / 'scripts/prune_filters.sh'
  script.parent.mkdir()
  for name in (script.name, 'environment.sh'):
    source = os.path.join(processes.ROOT, 'scripts', name)
    shutil.copy(source, str(script.parent))
  (script.parent / 'setup.sh').write_text('')
  python = fake_python.FakePython(tmp_path / '.venv/bin/python')
  return functools.partial(python.run, str(script))


@pytest.fixture
def out(tmp_path):
  return str(tmp_path / 'out')


def names(started):
  return [command[0] for command in started]


def compared(out):
  """The flag that hands all models to the table."""
  models = ','.join(
    f'{name}={out}/{name}/export/frozen_inference_graph.pb'
    for name in ('dense', 'dense_retrained', 'pruned', 'retrained')
  )
  return f'--models={models}'


def test_prunes_retrains_exports_and_compares(run, out):
  result, started = run('a.config', 'b.ckpt', out, '30', '--ratio=0.4')
  assert result.returncode == 0, result.stderr
  narrow = f'--pipeline_config_path={out}/pruned/pipeline.config'
  control = f'{out}/dense_retrained/start'
  assert [command[:4] for command in started[:-1]] == [
    (
      'prune_channels',
      '--pipeline_config_path=a.config',
      '--checkpoint=b.ckpt',
      f'--output_dir={out}/pruned',
    ),
    (
      'export_inference_graph',
      '--pipeline_config_path=a.config',
      '--checkpoint=b.ckpt',
      f'--output_dir={out}/dense/export',
    ),
    ('-', 'a.config', 'b.ckpt', control),
    (
      'model_main',
      f'--pipeline_config_path={control}/pipeline.config',
      f'--model_dir={out}/dense_retrained',
      '--num_train_steps=30',
    ),
    (
      'export_inference_graph',
      f'--pipeline_config_path={control}/pipeline.config',
      f'--checkpoint={out}/dense_retrained',
      f'--output_dir={out}/dense_retrained/export',
    ),
    (
      'export_inference_graph',
      narrow,
      f'--checkpoint={out}/pruned/model.ckpt',
      f'--output_dir={out}/pruned/export',
    ),
    (
      'model_main',
      narrow,
      f'--model_dir={out}/retrained',
      '--num_train_steps=30',
    ),
    (
      'export_inference_graph',
      narrow,
      f'--checkpoint={out}/retrained',
      f'--output_dir={out}/retrained/export',
    ),
  ]
  assert started[0][4:] == ('--overwrite', '--ratio=0.4')
  assert compared(out) in started[-1]


@pytest.mark.parametrize(
  'flags, passed_on',
  [
    ([], ('--recalibrate_batch_norm=100',)),
    (['--recalibrate_batch_norm=7'], ('--recalibrate_batch_norm=7',)),
    (['--recalibrate_batch_norm', '7'], ('--recalibrate_batch_norm=7',)),
    (['--recalibrate_batch_norm=0'], ()),
  ],
)
def test_both_trainings_are_fitted_and_recalibrate_as_the_surgery_does(
  run, out, flags, passed_on
):
  _, started = run('a.config', 'b.ckpt', out, '30', '--ratio=0.4', *flags)
  trained = [command for command in started if command[0] == 'model_main']
  wanted = ('--fit_learning_rate', *passed_on)
  assert [command[4:] for command in trained] == [wanted] * 2


def test_control_can_be_left_out(run, out):
  _, started = run('a.config', 'b.ckpt', out, '30', '--ratio=0.4', CONTROL='no')
  assert names(started) == [
    'prune_channels',
    'export_inference_graph',
    'export_inference_graph',
    'model_main',
    'export_inference_graph',
    'compare_models',
  ]
  assert 'dense_retrained' not in str(started)


def test_what_is_done_is_not_redone(run, out):
  arguments = ('a.config', 'b.ckpt', out, '30', '--ratio=0.4')
  run(*arguments)
  _, started = run(*arguments)
  assert names(started) == ['compare_models']


def test_more_steps_train_on_and_replace_the_exports(run, out):
  run('a.config', 'b.ckpt', out, '30', '--ratio=0.4')
  _, started = run('a.config', 'b.ckpt', out, '40', '--ratio=0.4')
  assert names(started) == ['model_main', 'export_inference_graph'] * 2 + [
    'compare_models'
  ]
  assert '--num_train_steps=40' in started[0]
  result, started = run('a.config', 'b.ckpt', out, '30', '--ratio=0.4')
  assert result.stderr.decode() == (
    f'error: STEPS must be 40 or more in {out}, got 30\n'
  )
  assert not started


@pytest.mark.parametrize(
  'config, checkpoint, flags',
  [
    ('other.config', 'b.ckpt', ['--ratio=0.4']),
    ('a.config', 'other.ckpt', ['--ratio=0.4']),
    ('a.config', 'b.ckpt', ['--ratio=0.6']),
    ('a.config', 'b.ckpt', ['--ratio=0.4', '--importance=fpgm']),
  ],
)
def test_folder_of_another_run_is_refused(run, out, config, checkpoint, flags):
  run('a.config', 'b.ckpt', out, '30', '--ratio=0.4')
  result, started = run(config, checkpoint, out, '30', *flags)
  assert result.returncode == 2
  assert result.stderr.decode() == (
    f'error: {out} holds a run with another CONFIG, CHECKPOINT or FLAGS '
    f'({out}/prune_filters.txt): name another folder or remove it\n'
  )
  assert not started


def test_ends_where_a_step_fails(run, out):
  arguments = ('a.config', 'b.ckpt', out, '30', '--ratio=2')
  result, started = run(*arguments, fails='prune_channels')
  assert result.returncode == 1
  assert names(started) == ['prune_channels']
  # A wrong flag has not claimed the folder.
  result, started = run('a.config', 'b.ckpt', out, '30', '--ratio=0.2')
  assert result.returncode == 0
  assert '--ratio=0.2' in started[0]


def test_steps_must_be_a_number(run, out):
  result, started = run('a.config', 'b.ckpt', out, '--ratio=0.2')
  assert result.stderr == b'error: STEPS must be a number, got --ratio=0.2\n'
  assert not started


def test_too_few_arguments_give_the_usage(run):
  result, started = run('a.config', 'b.ckpt')
  assert result.returncode == 2
  assert b'usage: bash scripts/prune_filters.sh CONFIG CHECKPOINT' in (
    result.stderr
  )
  assert not started


def rounds(started):
  """What prunes and trains, the control aside: name, folders and last flag."""
  return [
    (command[0], *command[1:4], command[-1])
    for command in started
    if command[0] in ('prune_channels', 'model_main')
    and 'dense_retrained' not in str(command)
  ]


def test_rounds_prune_and_retrain_a_part_each(run, out):
  arguments = ('a.config', 'b.ckpt', out, '31', '--target_macs=0.125')
  result, started = run(
    *arguments, '--recalibrate_batch_norm=0', '--rounds=3', '--min_channels=2'
  )
  assert result.returncode == 0, result.stderr

  def pruned(config, checkpoint, folder):
    return (
      'prune_channels',
      f'--pipeline_config_path={config}',
      f'--checkpoint={checkpoint}',
      f'--output_dir={folder}',
      '--min_channels=2',
    )

  def trained(place, steps):
    return (
      'model_main',
      f'--pipeline_config_path={place}pruned/pipeline.config',
      f'--model_dir={place}retrained',
      f'--num_train_steps={steps}',
      '--fit_learning_rate',
    )

  one, two = f'{out}/round_1/', f'{out}/round_2/'
  assert rounds(started) == [
    pruned('a.config', 'b.ckpt', f'{one}pruned'),
    trained(one, 10),
    pruned(f'{one}pruned/pipeline.config', f'{one}retrained', f'{two}pruned'),
    trained(two, 10),
    pruned(f'{two}pruned/pipeline.config', f'{two}retrained', f'{out}/pruned'),
    trained(f'{out}/', 11),
  ]
  # Half of it is left three times.
  surgeries = [each for each in started if each[0] == 'prune_channels']
  assert all('--target_macs=0.500000000' in each for each in surgeries)
  assert '--rounds' not in str(started)
  # The control is trained at once, and the table is that of one round.
  (control,) = [
    c for c in started if c[2:3] == (f'--model_dir={out}/dense_retrained',)
  ]
  assert '--num_train_steps=31' in control
  assert compared(out) in started[-1]


@pytest.mark.parametrize(
  'flag, passed_on',
  [
    ('--ratio=0.75', '--ratio=0.500000000'),
    ('--target_params=0.36', '--target_params=0.600000000'),
    ('--target_latency=.64', '--target_latency=0.800000000'),
  ],
)
def test_a_round_leaves_the_root_of_what_all_leave(run, out, flag, passed_on):
  _, started = run('a.config', 'b.ckpt', out, '30', '--rounds=2', flag)
  surgeries = [each for each in started if each[0] == 'prune_channels']
  assert [each[-1] for each in surgeries] == [passed_on] * 2


def test_one_round_is_as_if_nothing_was_said(run, out):
  arguments = ('a.config', 'b.ckpt', out, '30', '--sensitivities=s.json')
  _, started = run(*arguments, '--rounds=1')
  assert started[0][-1] == '--sensitivities=s.json'
  assert names(started).count('prune_channels') == 1
  assert 'round_1' not in str(started)


def test_rounds_go_on_where_they_stopped(run, out):
  arguments = ('a.config', 'b.ckpt', out, '30', '--ratio=0.4', '--rounds=2')
  result, _ = run(*arguments, fails='model_main', CONTROL='no')
  assert result.returncode == 1
  _, started = run(*arguments, CONTROL='no')
  # The first surgery was done.
  assert [each[0] for each in rounds(started)] == [
    'model_main',
    'prune_channels',
    'model_main',
  ]
  _, started = run(*arguments, CONTROL='no')
  assert names(started) == ['compare_models']


def test_more_steps_are_for_the_last_round(run, out):
  flags = ('--ratio=0.4', '--rounds=2')
  run('a.config', 'b.ckpt', out, '30', *flags)
  _, started = run('a.config', 'b.ckpt', out, '40', *flags)
  trained = [command[2:4] for command in started if command[0] == 'model_main']
  assert trained == [
    (f'--model_dir={out}/dense_retrained', '--num_train_steps=40'),
    (f'--model_dir={out}/retrained', '--num_train_steps=25'),
  ]
  result, started = run('a.config', 'b.ckpt', out, '39', *flags)
  assert result.stderr.decode() == (
    f'error: STEPS must be 40 or more in {out}, got 39\n'
  )
  assert not started


@pytest.mark.parametrize(
  'flags, message',
  [
    (
      ['--rounds=0', '--ratio=0.4'],
      '--rounds must be a number, 1 or more, got 0',
    ),
    (
      ['--rounds=x', '--ratio=0.4'],
      '--rounds must be a number, 1 or more, got x',
    ),
    (['--rounds=2'], 'with --rounds give one of --ratio=SHARE, '),
    (
      ['--rounds=2', '--ratio=0.4', '--target_macs=0.4'],
      'with --rounds give one of --ratio=SHARE, ',
    ),
    (
      ['--rounds=2', '--ratios_path=ratios.json'],
      'with --rounds give one of --ratio=SHARE, ',
    ),
    (['--rounds=2', '--ratio=1.5'], '--ratio must be in (0, 1), got 1.5'),
    (
      ['--rounds=2', '--sensitivities=a.json', '--target_macs=0.5'],
      '--sensitivities does not go with --rounds',
    ),
    (['--rounds=31', '--ratio=0.5'], 'STEPS must be 31 or more in '),
  ],
)
def test_rounds_that_cannot_be_are_refused(run, out, flags, message):
  result, started = run('a.config', 'b.ckpt', out, '30', *flags)
  assert result.returncode == 2
  assert result.stderr.decode().startswith(f'error: {message}')
  assert not started and not os.path.exists(out)
