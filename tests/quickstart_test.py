import json
import os
import re
import subprocess

import detectors
import numpy as np
import processes
import pytest
from PIL import Image

COMMAND = 'object_detection_pruning.quickstart'
BAD_FLAGS = [
  (['--sparsity=1'], '--sparsity must be in [0, 1), got 1.0'),
  (['--sparsity=0'], '--sparsity must be above 0, got 0'),
  (['--sparsity=nan'], '--sparsity must be a finite number, got nan'),
  (['--method=magic'], '--method must be one of reconstruction, schedule'),
  (['--dense_steps=0'], '--dense_steps must be'),
  (['--prune_steps=-1'], '--prune_steps must be'),
  (['--batch_size=0'], '--batch_size must be'),
  (['--data='], "--data_dir must be a path, got ''"),
  ([f'--data={__file__}'], f'{__file__} is a file: give the folder that hol'),
  (['--data=/no/such'], 'data folder /no/such does not exist'),
  (['--checkpoint=/no/model.ckpt'], 'no checkpoint at'),
  (['--config=/no.config'], "no pipeline config at '/no.config'"),
  (['--output_dir=/dev/null'], '--output_dir must be a folder, got /dev/null'),
]


@pytest.fixture(scope='module')
def refusals(tmp_path_factory):
  folder = tmp_path_factory.mktemp('bad')
  results = processes.command(
    COMMAND,
    [
      [f'--output_dir={folder}/{index}'] + flags
      for index, (flags, _) in enumerate(BAD_FLAGS)
    ],
  )
  assert os.listdir(str(folder)) == []
  return results


@pytest.mark.parametrize('index', range(len(BAD_FLAGS)))
def test_bad_flags_give_one_line_and_leave_nothing_behind(refusals, index):
  result = refusals[index]
  processes.assert_refused(result, BAD_FLAGS[index][1])


def test_tells_the_c_library_to_keep_memory_unless_switched_off(tmp_path):
  result = processes.python(
    *('-m', COMMAND, f'--output_dir={tmp_path}'), ODP_KEEP_MEMORY='no'
  )
  processes.assert_refused(result, "ODP_KEEP_MEMORY must be 0 or 1, got 'no'")
  assert os.listdir(str(tmp_path)) == []


ANNOTATION = """<annotation><size><width>80</width><height>60</height></size>
<object><name>%s</name><bndbox><xmin>10</xmin><ymin>5</ymin><xmax>60</xmax>
<ymax>50</ymax></bndbox></object></annotation>"""


def make_voc_folder(folder):
  """Writes six pictures with an object each, of two classes."""
  for name in ('Annotations', 'JPEGImages'):
    (folder / name).mkdir(parents=True)
  for number in range(6):
    pixels = np.random.RandomState(number).randint(0, 256, (60, 80, 3))
    picture = Image.fromarray(pixels.astype(np.uint8))
    picture.save(str(folder / 'JPEGImages' / f'{number}.jpg'))
    annotation = folder / 'Annotations' / f'{number}.xml'
    annotation.write_text(ANNOTATION % ('cat', 'dog')[number % 2])
  return folder


@pytest.mark.slow
@pytest.mark.parametrize('method', ['reconstruction', 'schedule'])
def test_ends_in_a_table_of_the_three_models(tmp_path, method):
  """A run of a few steps on a small VOC folder, with a config of its own."""
  result = processes.python(
    '-m',
    COMMAND,
    # Relative, as in the README.
    f'--output_dir={os.path.relpath(str(tmp_path / "run"))}',
    f'--data={make_voc_folder(tmp_path / "voc")}',
    f'--config={detectors.write(detectors.config(detectors.ssd()), tmp_path)}',
    '--dense_steps=2',
    '--prune_steps=4',
    '--sparsity=0.6',
    f'--method={method}',
  )
  assert result.returncode == 0, result.stderr
  assert ('masks start at one' in result.stderr) == (method == 'schedule')
  assert 'Saving checkpoints' not in result.stderr
  # Once for each model that was trained.
  assert len(re.findall('evaluated: .*, mAP ', result.stderr)) == 3
  with open(str(tmp_path / 'run/pruned/export/sparsity.json')) as file:
    report = json.load(file)
  # Reconstruction counts what it prunes, and leaves small kernels dense.
  within = {'reconstruction': 0.02, 'schedule': 1e-3}[method]
  sparsity = report['sparsity_of_masked_kernels']
  assert sparsity == pytest.approx(0.6, abs=within)
  rows = [line for line in result.stdout.splitlines() if line.startswith('|')]
  titles = [row.split('|')[1].strip() for row in rows]
  assert titles[0] == 'model'
  names = ['dense', 'dense, retrained', 'pruned 0.6']
  assert [title for title in titles if title in names] == names
  pruned = rows[titles.index('pruned 0.6')]
  assert f' {sparsity:.3f} ' in pruned and f' {report["nonzeros"]:,} ' in pruned


def test_help_of_the_script_is_quick_and_names_every_flag():
  script = os.path.join(processes.ROOT, 'scripts/quickstart.sh')
  # Without a Python on its way it can set nothing up.
  shown = subprocess.run(
    ['bash', script, '--help'],
    env={'PATH': '/usr/bin:/bin', 'PYTHON': '/no/python'},
    stdout=subprocess.PIPE,
    check=True,
    encoding='utf-8',
  ).stdout
  (help_text,) = processes.command(COMMAND, [['--help']])
  flags = re.findall(r'^  --(?:\[no\])?(\w+)', help_text.stdout, re.MULTILINE)
  named = re.findall(r'^  --(\w+)', shown, re.MULTILINE)
  # The folder is given without a flag.
  assert set(named) == set(flags) - {'output_dir'}
