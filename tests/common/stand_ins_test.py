import processes
import pytest

# Modules of the stock API and slim that import what need not be there.
STOCK = [
  'object_detection.export_tflite_ssd_graph_lib',
  'object_detection.matchers.bipartite_matcher',
  'object_detection.model_hparams',
  'object_detection.model_lib',
  'nets.nasnet.nasnet',
  'nets.nasnet.pnasnet',
]


def test_stock_modules_are_imported_and_no_stand_in_stays():
  result = processes.python(
    '-c',
    'import sys, object_detection_pruning, importlib, importlib.util\n'
    f'for name in {STOCK}: importlib.import_module(name)\n'
    "print([name for name in sys.modules if name.startswith('lvis')\n"
    "  and not importlib.util.find_spec('lvis')])\n"
    "print('tensorflow.contrib.training' in sys.modules\n"
    "  and not importlib.util.find_spec('tensorflow.contrib'))",
  )
  assert result.stdout.split('\n')[:2] == ['[]', 'False'], result.stderr


def test_stock_hyperparameters_are_made_and_overridden():
  result = processes.python(
    '-c',
    'import object_detection_pruning\n'
    'from object_detection import model_hparams\n'
    "print(model_hparams.create_hparams('load_pretrained=false').values())",
  )
  assert "'load_pretrained': False" in result.stdout, result.stderr


@pytest.mark.parametrize('first', ['', 'object_detection_pruning, '])
def test_real_package_is_not_hidden(tmp_path, first):
  (tmp_path / 'lvis').mkdir()
  for name in ('__init__', 'lvis', 'eval', 'results'):
    (tmp_path / 'lvis' / (name + '.py')).write_text(
      'class LVIS: pass\nclass LVISEval: pass\nclass LVISResults: pass\n'
    )
  result = processes.python(
    '-c',
    f'import sys; sys.path.insert(0, {str(tmp_path)!r})\n'
    f'import {first}lvis\n'
    'print(lvis.__file__)',
  )
  assert str(tmp_path) in result.stdout, result.stderr
