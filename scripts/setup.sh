#!/usr/bin/env bash
# Makes an environment with every package at its pinned version and this project,
# editable: the classic stack (TensorFlow 1.14, Python 3.7 or 3.6) where there is
# such a Python, else the modern one (TensorFlow 2.15, Python 3.11 to 3.9).
# STACK=classic or STACK=modern asks for one, VENV for another folder than .venv.
# Where all of that is there already, it only looks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A package of another environment must not count as installed in this one.
unset PYTHONPATH PYTHONHOME

# Two set-ups at once would write the same files.
if command -v flock >/dev/null; then
  exec 9<.
  flock 9
fi

venv=${VENV:-.venv}
case ${STACK:-} in
  '' | classic | modern) ;;
  *)
    echo "error: STACK must be classic or modern, got $STACK" >&2
    exit 2
    ;;
esac

version_of() {
  "$1" -c 'import sys; print("%d%d" % sys.version_info[:2])' 2>/dev/null
}

stack_of() {
  case $1 in
    36 | 37) echo classic ;;
    39 | 310 | 311) echo modern ;;
  esac
}

# Prints the Python to take; where STACK leaves it open, says on stderr why.
choose_python() {
  local python
  if [ -n "${STACK:-}" ]; then
    bash scripts/find_python.sh "$STACK"
  elif python=$(bash scripts/find_python.sh classic 2>/dev/null); then
    echo "classic stack (TensorFlow 1.14): ${PYTHON:+PYTHON is }$python" >&2
    echo "$python"
  elif python=$(bash scripts/find_python.sh modern 2>/dev/null); then
    if [ -n "${PYTHON:-}" ]; then
      echo "modern stack (TensorFlow 2.15): PYTHON is $python" >&2
    else
      echo "modern stack (TensorFlow 2.15): $python, and no Python 3.7 or 3.6" \
        "was found" >&2
    fi
    echo "$python"
  else
    bash scripts/find_python.sh any
  fi
}

make_venv() {
  local python there
  there=$(version_of "$venv/bin/python" || true)
  if [ -n "${PYTHON:-}" ] || [ -z "$there" ] ||
    [ "$(stack_of "$there")" != "${STACK:-$(stack_of "$there")}" ]; then
    python=$(choose_python)
    if [ "$(version_of "$python")" != "$there" ]; then
      echo "making $venv with $python"
      "$python" -m venv --clear "$venv"
    fi
  fi
}

pip() {
  "$venv/bin/python" -m pip --disable-pip-version-check "$@"
}

# The stamp tells that the last installation ran to its end and from which
# files; the rest, that nobody has removed or replaced anything since.
is_complete() {
  [ "$(cat "$venv/setup.stamp" 2>/dev/null)" = "$wanted" ] || return 1
  ! grep -v '^#' "$lock" | grep -qvxFf <(pip freeze --all) || return 1
  "$venv/bin/python" -I -c '
import importlib.util, os, sys
names = ["tensorflow", "object_detection", "nets", "object_detection_pruning"]
found = {name: importlib.util.find_spec(name) for name in names}
here = os.path.join(os.getcwd(), names[-1])
sys.exit(not all(found.values())
         or here not in found[names[-1]].submodule_search_locations)'
}

install() {
  local quiet=''
  [ -t 1 ] || quiet=--quiet
  echo "installing the $(grep -c == "$lock") packages of $lock into $venv"
  rm -f "$venv/setup.stamp"
  # These build the others, and older ones do not know today's wheels.
  pip install $quiet $(grep -E '^(pip|setuptools|wheel)==' "$lock")
  pip install $quiet --no-deps --requirement "$lock"
  pip install $quiet --no-deps --no-build-isolation --editable .
  # Only sparse graphs need these, so the rest works without a compiler.
  "$venv/bin/python" -W ignore -m object_detection_pruning.sparse_ops.build ||
    echo 'warning: the sparse ops are not built (see above)' >&2
  echo "$wanted" >"$venv/setup.stamp"
  if ! is_complete; then
    echo "error: $venv is damaged: remove it and run this again" >&2
    exit 1
  fi
}

make_venv
version=$(version_of "$venv/bin/python")
case $(stack_of "$version") in
  classic) lock=requirements-py$version.lock ;;
  modern) lock=requirements-modern-py$version.lock ;;
  *)
    echo "error: $venv is of another Python than 3.11, 3.10, 3.9, 3.7 or 3.6:" \
      'remove it and run this again' >&2
    exit 1
    ;;
esac
wanted=$({ pwd && cat "$lock" setup.py scripts/setup.sh; } | sha256sum)
is_complete || install
