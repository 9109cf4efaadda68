import detectors
import numpy as np
import pytest

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.inspection import model_file_cost

IMAGE = np.zeros([12, 20, 3], np.uint8)
TENSORS = {
  'a/weights': np.ones([1, 1, 2, 3], np.float32),
  'global_step': np.int64(7),
}


def test_folder_without_any_model_is_refused(tmp_path):
  with pytest.raises(errors.InputError, match='no checkpoint in the folder'):
    model_file_cost.measure(str(tmp_path), IMAGE)


def test_folder_of_an_export_does_not_stand_for_its_checkpoint(tmp_path):
  checkpoints.write(str(tmp_path / 'model.ckpt'), TENSORS)
  (tmp_path / 'checkpoint').write_text('model_checkpoint_path: "model.ckpt"')
  assert model_file_cost.measure(str(tmp_path), IMAGE).parameters == 6
  (tmp_path / 'frozen_inference_graph.pb').write_bytes(b'')
  with pytest.raises(errors.InputError, match='holds several models'):
    model_file_cost.measure(str(tmp_path), IMAGE)


@pytest.fixture
def trained(tmp_path, monkeypatch):
  """A checkpoint with one layer, and a network with as many as are wanted."""
  prefix = str(tmp_path / 'model.ckpt')
  checkpoints.write(prefix, TENSORS)
  path = detectors.write(detectors.config(detectors.ssd()), tmp_path)

  def measure(shapes, positions):
    monkeypatch.setattr(
      model_file_cost.pruning,
      'analyze',
      lambda _: model_file_cost.pruning.Network(
        None, None, positions, shapes, {}
      ),
    )
    return model_file_cost.measure(prefix, IMAGE, path)

  return measure


def test_config_of_the_checkpoint_gives_macs(trained):
  assert trained({'a/weights': (1, 1, 2, 3)}, {'a/weights': 10}).macs == 60


def test_config_with_more_layers_is_refused(trained):
  with pytest.raises(errors.InputError, match='config: b/weights is not in it'):
    trained(
      {'a/weights': (1, 1, 2, 3), 'b/weights': (1, 1, 3, 3)},
      {'a/weights': 10, 'b/weights': 10},
    )


def test_config_with_fewer_layers_is_refused(trained):
  with pytest.raises(errors.InputError, match='layer a is not in its model'):
    trained({}, {})


def test_config_beside_a_graph_is_refused(graph, tmp_path):
  graph.create_op('NoOp', [], [])
  path = tmp_path / 'graph.pb'
  path.write_bytes(graph.as_graph_def().SerializeToString())
  with pytest.raises(errors.InputError, match='config goes with a checkpoint'):
    model_file_cost.measure(str(path), IMAGE, 'pipeline.config')


def test_values_that_are_not_finite_are_told(tmp_path, capsys):
  prefix = str(tmp_path / 'model.ckpt')
  weights = np.full([1, 1, 2, 3], np.nan, np.float32)
  checkpoints.write(prefix, dict(TENSORS, **{'a/weights': weights}))
  for path in (prefix, prefix + '.index'):
    assert model_file_cost.measure(path, IMAGE).parameters == 6
    assert capsys.readouterr().err == (
      f'warning: {prefix} has NaN or Inf in a/weights (6 of 6 values)\n'
    )
