import detectors
import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.sensitivity import request, results_file


def test_other_training_input_is_refused(dense, tmp_path):
  output = str(tmp_path / 'a.json')
  wanted = request.Request(
    dense.path, dense.checkpoint, output, metric='loss', recalibrate=1
  )
  prepared = request.prepare(wanted)
  results_file.save(prepared.results, output)
  flipped = type(dense.config)()
  flipped.CopyFrom(dense.config)
  option = flipped.train_config.data_augmentation_options.add()
  option.random_horizontal_flip.SetInParent()
  path = detectors.write(flipped, tmp_path / 'flipped')
  with pytest.raises(errors.InputError, match='on another training input: '):
    request.prepare(wanted._replace(pipeline_config_path=path))
