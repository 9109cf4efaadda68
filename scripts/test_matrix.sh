#!/usr/bin/env bash
# Runs tests on every TensorFlow and Python that the library is for and this
# machine has, and prints a table of what passed. Arguments go to pytest.
# Each pair has an environment of its own, .venv-matrix-NAME.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python_of() { # VERSION
  local candidate
  for candidate in "python$1" \
    "$(pyenv root 2>/dev/null || echo "${PYENV_ROOT:-$HOME/.pyenv}")"/versions/"$1".*/bin/python; do
    if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

rows='| TensorFlow | Python | result |
| --- | --- | --- |'
status=0
for pair in 1.14:3.6 1.14:3.7 1.15.5:3.7 2.15:3.9 2.15:3.10 2.15:3.11; do
  tensorflow=${pair%:*} version=${pair#*:}
  if ! python=$(python_of "$version"); then
    rows+=$'\n'"| $tensorflow | $version | no such Python here |"
    continue
  fi
  log=.venv-matrix-$tensorflow-$version.log
  export PYTHON=$python VENV=.venv-matrix-$tensorflow-$version
  case $tensorflow in
    1.15.5) TF115_VENV=$VENV bash scripts/test_tf115.sh "$@" ;;
    1.14) STACK=classic bash scripts/test.sh "$@" ;;
    *) STACK=modern bash scripts/test.sh "$@" ;;
  esac 2>&1 | tee "$log"
  [ "${PIPESTATUS[0]}" = 0 ] || status=1
  result=$(grep -E '[0-9]+ (passed|failed|error)' "$log" | tail -n 1)
  rows+=$'\n'"| $tensorflow | $version | ${result:-no result, see $log} |"
done
echo "$rows"
exit $status
