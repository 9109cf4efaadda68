"""Lets the tests here find `networks`."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
