"""What tests of the sparse ops share."""

import os
import sys

# The cases are a program of their own, too, so they are no package.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
