import detectors
import pytest

from object_detection_pruning.builders import stack_checks
from object_detection_pruning.common import errors, stacks


@pytest.fixture
def config():
  return detectors.config(detectors.ssd())


def quantised(config):
  config.graph_rewriter.quantization.delay = 10


def bipartite(config):
  config.model.ssd.matcher.bipartite_matcher.SetInParent()


def averaged(config):
  config.train_config.optimizer.use_moving_average = True


@pytest.mark.parametrize(
  'change, what',
  [
    (quantised, 'graph_rewriter'),
    (bipartite, 'bipartite_matcher'),
    (averaged, 'optimizer.use_moving_average: true'),
  ],
)
def test_modern_stack_names_what_only_contrib_has(
  config, change, what, monkeypatch
):
  monkeypatch.setattr(stacks, 'current', lambda: stacks.MODERN)
  stack_checks.check_training(config)
  change(config)
  with pytest.raises(errors.InputError) as error:
    stack_checks.check_training(config)
  assert str(error.value).startswith(what + ' ')
  assert 'STACK=classic bash scripts/setup.sh' in str(error.value)
  assert '\n' not in str(error.value)
  monkeypatch.setattr(stacks, 'current', lambda: stacks.CLASSIC)
  stack_checks.check_training(config)


def test_averages_matter_to_training_alone(config, monkeypatch):
  monkeypatch.setattr(stacks, 'current', lambda: stacks.MODERN)
  averaged(config)
  stack_checks.check(config)
