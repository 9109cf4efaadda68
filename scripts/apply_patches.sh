#!/usr/bin/env bash
# Applies the patches for a stock source tree, checks them or takes them out.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat >&2 <<'USAGE'
usage: bash scripts/apply_patches.sh [--check | --revert] [FOLDER...]

A FOLDER holds object_detection/ (as models/research does), tensorflow/, or both
(as site-packages does). None: the packages that this environment's Python finds.
USAGE
  exit 2
}

fail() {
  echo "error: $1" >&2
  exit 1
}

action=apply folders=()
for argument in "$@"; do
  case "$argument" in
    --check) action=check ;;
    --revert) action=revert ;;
    -*) usage ;;
    *) folders+=("$argument") ;;
  esac
done
command -v patch >/dev/null || fail 'the program patch is needed'

if [ ${#folders[@]} -eq 0 ]; then
  . "$root/scripts/environment.sh"
  [ -x "$python" ] || python=python3
  # The packages are found, but not imported, which would take seconds.
  while IFS= read -r folder; do
    [ -z "$folder" ] || folders+=("$folder")
  done < <("$python" - <<'PYTHON'
import importlib.util
import os
names = ('object_detection', 'tensorflow')
specs = filter(None, map(importlib.util.find_spec, names))
print('\n'.join(sorted({
  os.path.dirname(place)
  for spec in specs for place in spec.submodule_search_locations
})))
PYTHON
  )
fi

# The file that a patch is for, in a folder; nothing where it is not there.
target() {
  local path
  path=$(sed -n 's|^+++ b/||p' "$1")
  # TensorFlow 1.15 installs what is in its source tree under another name.
  for path in "$2/$path" "$2/${path/#tensorflow\//tensorflow_core/}"; do
    if [ -f "$path" ]; then
      echo "$path"
      return
    fi
  done
}

run_patch() {
  patch --force --silent --fuzz=0 --no-backup-if-mismatch --reject-file=- \
    "$@" >/dev/null 2>&1
}

state() {
  if run_patch --dry-run --reverse "$2" "$1"; then
    echo applied
  elif run_patch --dry-run "$2" "$1"; then
    echo 'not applied'
  else
    echo 'does not fit'
  fi
}

# All is looked at before anything is changed.
patches=() files=() states=()
for folder in ${folders[@]+"${folders[@]}"}; do
  [ -d "$folder" ] || fail "no such folder: $folder"
  for patch in "$root"/patches/*.patch; do
    file=$(target "$patch" "$folder")
    [ -n "$file" ] || continue
    patches+=("$patch") files+=("$file")
    states+=("$(state "$patch" "$file")")
    if [ "${states[-1]}" = 'does not fit' ] && [ $action != check ]; then
      fail "$(basename "$patch") does not fit $file"
    fi
  done
done
[ ${#files[@]} -gt 0 ] ||
  fail "nothing to patch in ${folders[*]:-this environment}: a folder must hold object_detection/ or tensorflow/"

missing=0
for i in "${!files[@]}"; do
  if [ $action = apply ] && [ "${states[$i]}" = 'not applied' ]; then
    run_patch "${files[$i]}" "${patches[$i]}"
    states[$i]='applied now'
  elif [ $action = revert ] && [ "${states[$i]}" = applied ]; then
    run_patch --reverse "${files[$i]}" "${patches[$i]}"
    states[$i]=reverted
  fi
  [ "${states[$i]}" = applied ] || missing=1
  echo "${states[$i]}: $(basename "${patches[$i]}"), ${files[$i]}"
done
[ $action != check ] || exit $missing
