"""What tests of training share."""

import logging

import detectors
import distilled
import pytest


@pytest.fixture
def warnings(caplog):
  """Gives a function that gives the warnings so far, but of what is old."""
  caplog.set_level(logging.WARNING, 'tensorflow')
  return lambda: [
    record.getMessage()
    for record in caplog.records
    if record.levelno >= logging.WARNING
    and 'eprecated' not in record.getMessage()
  ]


@pytest.fixture(scope='module')
def teacher(data, tmp_path_factory):
  """The checkpoint of an SSD that can teach."""
  return distilled.random_checkpoint(
    detectors.config(detectors.ssd(), data),
    tmp_path_factory.mktemp('ssd') / 'teacher',
  )
