#!/usr/bin/env bash
# Checks that the rooms of the package import only rooms below them, as the
# contract in pyproject.toml says. Takes the program lint-imports of $LINTER, a
# folder with it, or of PATH.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# hooks/ and nets/ are links without __init__.py, which the linter passes by, so
# it looks at a copy where they are packages.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -rL "$root/object_detection_pruning" "$copy"
touch "$copy"/object_detection_pruning/{hooks,nets}/__init__.py
cd "$copy"
PATH=${LINTER:+$LINTER:}$PATH PYTHONPATH=$copy \
  lint-imports "$root/pyproject.toml" --no-cache
