#!/usr/bin/env bash
# Prints the path of a 64-bit Python that can make a virtual environment for a
# stack: 3.7 or 3.6 for classic, 3.11, 3.10 or 3.9 for modern. $PYTHON, else one
# from PATH, else from pyenv, else, where a modern one will do, from uv.
#   bash scripts/find_python.sh [classic|modern|any]
set -euo pipefail

stack=${1:-classic}
case $stack in
  classic) versions='3.7 3.6' named='3.7 or 3.6' ;;
  modern) versions='3.11 3.10 3.9' named='3.11, 3.10 or 3.9' ;;
  any) versions='3.7 3.6 3.11 3.10 3.9' named='3.11, 3.10, 3.9, 3.7 or 3.6' ;;
  *)
    echo "error: the stack must be classic, modern or any, got $stack" >&2
    exit 2
    ;;
esac
if [ "$stack" = classic ]; then
  advice='get one with "pyenv install 3.7" or "conda create -n py37 python=3.7"'
else
  advice='get one with "pyenv install 3.11" or "uv python install 3.11"'
fi
advice+=', and set PYTHON to its path if need be'

# pyenv leaves a python3.7 on PATH that only says which versions have one, and
# some systems split ensurepip off, so a candidate counts only if it runs.
interpreter_of() {
  "$1" -c '
import ensurepip, os, sys, venv
assert "%d.%d" % sys.version_info[:2] in sys.argv[1:] and sys.maxsize > 2**32
print(os.path.realpath(sys.executable))' $versions 2>/dev/null
}

if [ -n "${PYTHON:-}" ]; then
  interpreter_of "$PYTHON" && exit
  echo "error: PYTHON=$PYTHON is no 64-bit Python $named with venv and" \
    "ensurepip: $advice" >&2
  exit 1
fi

for version in $versions; do
  interpreter_of "python$version" && exit
done
for candidate in python3 python; do
  interpreter_of "$candidate" && exit
done

pyenv_root=$(pyenv root 2>/dev/null || echo "${PYENV_ROOT:-${HOME:-}/.pyenv}")
for version in $versions; do
  for candidate in "$pyenv_root"/versions/"$version".*/bin/python; do
    interpreter_of "$candidate" && exit
  done
done

# It has no Python below 3.8.
if [ "$stack" != classic ] && command -v uv >/dev/null; then
  uv python find 3.11 >/dev/null 2>&1 || uv python install 3.11 >&2 || true
  candidate=$(uv python find 3.11 2>/dev/null || true)
  interpreter_of "$candidate" && exit
fi

echo "error: no 64-bit Python $named with venv and ensurepip on PATH or in" \
  "pyenv: $advice" >&2
exit 1
