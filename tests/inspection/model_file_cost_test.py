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
      lambda *_: model_file_cost.pruning.Network(
        None, None, positions, shapes, {}
      ),
    )
    return model_file_cost.measure(prefix, IMAGE, path)

  return measure


def test_config_of_the_checkpoint_gives_macs(trained):
  assert trained({'a/weights': (1, 1, 2, 3)}, {'a/weights': 10}).macs == 60


def test_macs_of_a_checkpoint_are_those_of_the_image(tmp_path):
  config = detectors.config(detectors.ssd())
  resizer = config.model.ssd.image_resizer.keep_aspect_ratio_resizer
  resizer.min_dimension, resizer.max_dimension = 64, 128
  prefix = str(tmp_path / 'model.ckpt')
  shapes = model_file_cost.pruning.analyze(config).shapes
  checkpoints.write(
    prefix, {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
  )
  path = detectors.write(config, tmp_path)
  square, wide, large = (
    model_file_cost.measure(prefix, np.zeros([*size, 3], np.uint8), path).macs
    for size in ((32, 32), (32, 64), (320, 640))
  )
  assert 1.8 * square < wide == large <= 2 * square


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
