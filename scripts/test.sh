#!/usr/bin/env bash
# Sets up what is missing and runs the test suite; arguments go to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/setup.sh

# Test processes share the cores among them: a TensorFlow that takes all cores
# in each of them makes every one slower.
export TF_NUM_INTRAOP_THREADS=${TF_NUM_INTRAOP_THREADS:-1}
export TF_NUM_INTEROP_THREADS=${TF_NUM_INTEROP_THREADS:-1}

exec .venv/bin/python -m pytest \
  --numprocesses auto --maxprocesses 4 --dist loadfile "$@"
