"""The stock tests of the stock extractors, run on the masked ones."""

import importlib
import importlib.util
import itertools
import sys
import types
from unittest import mock

import pytest
from absl import flags

from object_detection_pruning.common import stacks
from object_detection_pruning.core import kernels
from object_detection_pruning.models import (
  faster_rcnn_masked_inception_v2_feature_extractor as masked_faster_rcnn,
)
from object_detection_pruning.models import (
  ssd_masked_mobilenet_v1_feature_extractor as masked_ssd,
)


def stock_test_of(extractor):
  name = f'object_detection.models.{extractor}_feature_extractor'
  # The newer stock API has tests of its own for TensorFlow 2.
  if not importlib.util.find_spec(f'{name}_tf1_test'):
    return importlib.import_module(f'{name}_test')
  # They import it, and call nothing of it.
  lacks_contrib = stacks.current() == stacks.MODERN
  if lacks_contrib:
    sys.modules['tensorflow.contrib'] = mock.Mock()
  try:
    return importlib.import_module(f'{name}_tf1_test')
  finally:
    if lacks_contrib:
      del sys.modules['tensorflow.contrib']


stock_faster_rcnn_test = stock_test_of('faster_rcnn_inception_v2')
stock_ssd_test = stock_test_of('ssd_mobilenet_v1')


@pytest.fixture(autouse=True)
def graph(monkeypatch):
  """None: TensorFlow's test case brings its own, and reads absl's flags."""
  flags.FLAGS.mark_as_parsed()
  # The stock test of SSD extractors still speaks Python 2.
  monkeypatch.setattr(itertools, 'izip', zip, raising=False)


class MaskedInTheStockOnesPlace:
  """Lets a stock test case build the masked class where it names the stock."""

  test_module = None
  stock_module = None
  stock_class = None
  masked_class = None

  def setUp(self):
    super().setUp()
    self.created = mock.Mock(side_effect=self.masked_class)
    names = types.SimpleNamespace(**{self.stock_class: self.created})
    patch = mock.patch.object(self.test_module, self.stock_module, names)
    patch.start()
    self.addCleanup(patch.stop)

  def tearDown(self):
    self.created.assert_called()
    super().tearDown()

  def test_session(self, *args, **kwargs):
    return super().test_session(*args, **kwargs)

  # It looks like a test, but is what tests take their session from.
  test_session.__test__ = False


class FasterRCNNMaskedInceptionV2FeatureExtractorTest(
  MaskedInTheStockOnesPlace,
  stock_faster_rcnn_test.FasterRcnnInceptionV2FeatureExtractorTest,
):
  test_module = stock_faster_rcnn_test
  stock_module = 'faster_rcnn_inception_v2'
  stock_class = 'FasterRCNNInceptionV2FeatureExtractor'
  masked_class = masked_faster_rcnn.FasterRCNNMaskedInceptionV2FeatureExtractor


class ListingExtractor(masked_ssd.SSDMaskedMobileNetV1FeatureExtractor):
  """Gives a list, where stock gives a view of a dict.

  The stock test hands it to a session, which takes no view on Python 3: on the
  stock class the test fails there.
  """

  def extract_features(self, preprocessed_inputs):
    return list(super().extract_features(preprocessed_inputs))


class SSDMaskedMobileNetV1FeatureExtractorTest(
  MaskedInTheStockOnesPlace, stock_ssd_test.SsdMobilenetV1FeatureExtractorTest
):
  test_module = stock_ssd_test
  stock_module = 'ssd_mobilenet_v1_feature_extractor'
  stock_class = 'SSDMobileNetV1FeatureExtractor'
  masked_class = ListingExtractor

  def get_feature_extractor_variables(self, *args, **kwargs):
    # The stock test counts variables: masks and thresholds come on top.
    variables = super().get_feature_extractor_variables(*args, **kwargs)
    names = {variable.op.name for variable in variables}
    plain = [
      variable
      for variable in variables
      if not kernels.is_pruning_variable(variable.op.name, names)
    ]
    assert len(variables) - len(plain) == 2 * 22
    return plain


def leave_out(case, is_left_out):
  for name in dir(case):
    if name.startswith('test') and is_left_out(name):
      setattr(case, name, None)


leave_out(
  SSDMaskedMobileNetV1FeatureExtractorTest,
  # Those of the Keras extractor, which is another class.
  lambda name: (
    'use_keras=True'
    in str(
      getattr(
        getattr(SSDMaskedMobileNetV1FeatureExtractorTest, name),
        '__x_params_repr__',
        '',
      )
    )
  ),
)
