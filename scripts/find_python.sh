#!/usr/bin/env bash
# Prints the path of a 64-bit Python 3.7 or 3.6 that can make a virtual
# environment: $PYTHON, else one from PATH, else from pyenv, else from uv.
set -euo pipefail

advice='get one with "pyenv install 3.7", "uv python install 3.7" or
"conda create -n py37 python=3.7", and set PYTHON to its path if need be'
advice=${advice//$'\n'/ }

# pyenv leaves a python3.7 on PATH that only says which versions have one, and
# some systems split ensurepip off, so a candidate counts only if it runs.
interpreter_of() {
  "$1" -c '
import ensurepip, os, sys, venv
assert sys.version_info[:2] in ((3, 6), (3, 7)) and sys.maxsize > 2**32
print(os.path.realpath(sys.executable))' 2>/dev/null
}

if [ -n "${PYTHON:-}" ]; then
  interpreter_of "$PYTHON" && exit
  echo "error: PYTHON=$PYTHON is no 64-bit Python 3.7 or 3.6 with venv and" \
    "ensurepip: $advice" >&2
  exit 1
fi

for candidate in python3.7 python3.6 python3 python; do
  interpreter_of "$candidate" && exit
done

pyenv_root=$(pyenv root 2>/dev/null || echo "${PYENV_ROOT:-${HOME:-}/.pyenv}")
for candidate in "$pyenv_root"/versions/3.7.*/bin/python \
  "$pyenv_root"/versions/3.6.*/bin/python; do
  interpreter_of "$candidate" && exit
done

if command -v uv >/dev/null; then
  uv python find 3.7 >/dev/null 2>&1 || uv python install 3.7 >&2 || true
  candidate=$(uv python find 3.7 2>/dev/null || true)
  interpreter_of "$candidate" && exit
fi

echo "error: no 64-bit Python 3.7 or 3.6 with venv and ensurepip on PATH, in" \
  "pyenv or through uv: $advice" >&2
exit 1
