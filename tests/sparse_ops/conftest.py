"""What tests of the sparse ops share."""

import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))
# The cases are a program of their own, too, so they are no package.
sys.path.insert(0, _FOLDER)
# Networks with scaled random weights.
sys.path.insert(0, os.path.join(os.path.dirname(_FOLDER), 'channels'))
