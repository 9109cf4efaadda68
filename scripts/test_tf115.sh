#!/usr/bin/env bash
# Runs tests on TensorFlow 1.15.5 in place of 1.14, in an environment of its
# own: $TF115_VENV, or .venv-tf115. Arguments go to pytest; without any, the
# tests run that touch TensorFlow most.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

unset PYTHONPATH PYTHONHOME
venv=${TF115_VENV:-.venv-tf115}

# TensorFlow 1.15 cannot run with numpy 1.20 or later.
pins='tensorflow==1.15.5
tensorflow-estimator==1.15.1
tensorboard==1.15.0
numpy==1.18.5'

python=$(bash scripts/find_python.sh classic)
version=$("$python" -c 'import sys; print("%d%d" % sys.version_info[:2])')
requirements=$(
  grep -v '^#' "requirements-py$version.lock" |
    grep -vE '^(tensorflow|tensorflow-estimator|tensorboard|numpy)=='
  echo "$pins"
)
wanted=$({ pwd && echo "$requirements" && cat setup.py; } | sha256sum)
if [ "$(cat "$venv/setup.stamp" 2>/dev/null)" != "$wanted" ]; then
  echo "making $venv with $python"
  "$python" -m venv --clear "$venv"
  pip() {
    "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"
  }
  pip install $(grep -E '^(pip|setuptools|wheel)==' <<<"$requirements")
  pip install --no-deps --requirement <(echo "$requirements")
  pip install --no-deps --no-build-isolation --editable .
  echo "$wanted" >"$venv/setup.stamp"
fi

# As in scripts/test.sh.
export TF_NUM_INTRAOP_THREADS=${TF_NUM_INTRAOP_THREADS:-1}
export TF_NUM_INTEROP_THREADS=${TF_NUM_INTEROP_THREADS:-1}

[ $# -gt 0 ] || set -- tests/core tests/hooks tests/model_main_test.py \
  tests/model_main_flags_test.py tests/contrib_test.py
exec "$venv/bin/python" -m pytest \
  --numprocesses auto --maxprocesses 4 --dist loadfile "$@"
