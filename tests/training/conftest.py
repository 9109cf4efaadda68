"""What tests of training share."""

import logging

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
