#!/usr/bin/env bash
# Sets up what is missing and runs the test suite; arguments go to pytest.
#   bash scripts/test.sh [--stack=classic|modern] [ARGUMENTS...]
# The stack that .venv does not have gets an environment of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

first=${1:-}
if [ "$first" != "${first#--stack=}" ]; then
  STACK=${first#--stack=}
  shift
  there=$(.venv/bin/python -c 'import sys
print("classic" if sys.version_info < (3, 8) else "modern")' 2>/dev/null || true)
  [ "$there" = "$STACK" ] || VENV=${VENV:-.venv-$STACK}
  export STACK VENV=${VENV:-.venv}
fi
bash scripts/setup.sh

# Test processes share the cores among them: a TensorFlow that takes all cores
# in each of them makes every one slower.
export TF_NUM_INTRAOP_THREADS=${TF_NUM_INTRAOP_THREADS:-1}
export TF_NUM_INTEROP_THREADS=${TF_NUM_INTEROP_THREADS:-1}

exec "${VENV:-.venv}/bin/python" -m pytest \
  --numprocesses auto --maxprocesses 4 --dist loadfile "$@"
