#!/usr/bin/env bash
# Makes .venv in the repository root: Python 3.7 or 3.6 (scripts/find_python.sh
# says from where), every package at its pinned version, and this project,
# editable. Where all of that is there already, it only looks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A package of another environment must not count as installed in this one.
unset PYTHONPATH PYTHONHOME

# Two set-ups at once would write the same files.
if command -v flock >/dev/null; then
  exec 9<.
  flock 9
fi

version_of() {
  "$1" -c 'import sys; print("%d%d" % sys.version_info[:2])' 2>/dev/null
}

make_venv() {
  local python
  if [ -n "${PYTHON:-}" ] || ! version_of .venv/bin/python >/dev/null; then
    python=$(bash scripts/find_python.sh)
    if [ "$(version_of "$python")" != "$(version_of .venv/bin/python)" ]; then
      echo "making .venv with $python"
      "$python" -m venv --clear .venv
    fi
  fi
}

pip() {
  .venv/bin/python -m pip --disable-pip-version-check "$@"
}

# The stamp tells that the last installation ran to its end and from which
# files; the rest, that nobody has removed or replaced anything since.
is_complete() {
  [ "$(cat .venv/setup.stamp 2>/dev/null)" = "$wanted" ] || return 1
  ! grep -v '^#' "$lock" | grep -qvxFf <(pip freeze --all) || return 1
  .venv/bin/python -I -c '
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
  echo "installing the $(grep -c == "$lock") packages of $lock into .venv"
  rm -f .venv/setup.stamp
  # These build the others, and older ones do not know today's wheels.
  pip install $quiet $(grep -E '^(pip|setuptools|wheel)==' "$lock")
  pip install $quiet --no-deps --requirement "$lock"
  pip install $quiet --no-deps --no-build-isolation --editable .
  # Only sparse graphs need these, so the rest works without a compiler.
  .venv/bin/python -W ignore -m object_detection_pruning.sparse_ops.build ||
    echo 'warning: the sparse ops are not built (see above)' >&2
  echo "$wanted" >.venv/setup.stamp
  if ! is_complete; then
    echo 'error: .venv is damaged: remove it and run this again' >&2
    exit 1
  fi
}

make_venv
lock=requirements-py$(version_of .venv/bin/python).lock
if [ ! -f "$lock" ]; then
  echo 'error: .venv is of another Python than 3.7 or 3.6: remove it and run' \
    'this again' >&2
  exit 1
fi
wanted=$({ pwd && cat "$lock" setup.py scripts/setup.sh; } | sha256sum)
is_complete || install
