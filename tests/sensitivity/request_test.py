import averages
import detectors
import numpy as np
import pytest

from object_detection_pruning.common import checkpoints, errors
from object_detection_pruning.sensitivity import (
  analysis,
  request,
  results_file,
)


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


def test_moving_averages_are_analysed_where_the_config_evaluates_them(
  dense, tmp_path
):
  checkpoint = str(tmp_path / 'model.ckpt')
  checkpoints.write(checkpoint, averages.into_averages(dense.tensors))
  wanted = request.Request(
    dense.path,
    dense.checkpoint,
    str(tmp_path / 'a.json'),
    ratios=[0.5],
    metric='loss',
    recalibrate=1,
    include=['Conv2d_3_pointwise'],
  )
  plain = request.prepare(wanted)
  averaged = request.prepare(
    wanted._replace(
      pipeline_config_path=detectors.write(
        averages.evaluating(dense.config), tmp_path / 'config'
      ),
      checkpoint=checkpoint,
      output=str(tmp_path / 'b.json'),
    )
  )
  assert averaged.results.setup == plain.results.setup
  ((one, ratio),), ((other, _),) = plain.missing, averaged.missing
  for name, value in one.changes(ratio).items():
    np.testing.assert_array_equal(other.changes(ratio)[name], value)
  found, expected = [analysis.run(each) for each in (averaged, plain)]
  assert found.baseline == expected.baseline
  assert found.layers == expected.layers
