#!/usr/bin/env bash
# Checks style and layers. The linters need a newer Python than the library, so
# they have an environment of their own, .venv-lint.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

pins='ruff==0.17.5 import-linter==2.17 grimp==3.20'

python_for_linters() {
  local candidate
  for candidate in python3 python3.{14,13,12,11,10} \
    "$(pyenv root 2>/dev/null || echo "${PYENV_ROOT:-$HOME/.pyenv}")"/versions/3.1[0-9].*/bin/python; do
    if "$candidate" -c 'import ensurepip, sys, venv
assert sys.version_info >= (3, 10)' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo 'error: the linters need a Python 3.10 or newer on PATH' >&2
  return 1
}

if [ "$(cat .venv-lint/pins 2>/dev/null)" != "$pins" ]; then
  python=$(python_for_linters)
  "$python" -m venv --clear .venv-lint
  # shellcheck disable=SC2086
  .venv-lint/bin/python -m pip install --quiet --disable-pip-version-check $pins
  echo "$pins" >.venv-lint/pins
fi
.venv-lint/bin/ruff check .
.venv-lint/bin/ruff format --check .
LINTER=$PWD/.venv-lint/bin bash scripts/check_layers.sh
