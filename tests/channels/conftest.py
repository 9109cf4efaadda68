"""Lets the tests here find `networks`, and makes stock NASNets small."""

import os
import sys

import pytest
from nets.nasnet import nasnet, pnasnet

sys.path.insert(0, os.path.dirname(__file__))


@pytest.fixture(autouse=True)
def narrow_nasnets(monkeypatch):
  """Gives the detectors cells of 24 filters, and not of 168 or 216."""
  for module in (nasnet, pnasnet):
    monkeypatch.setattr(
      module, 'large_imagenet_config', _narrow(module.large_imagenet_config)
    )


def _narrow(make_config):
  def make():
    config = make_config()
    config.set_hparam('num_conv_filters', 24)
    return config

  return make
