#!/usr/bin/env bash
# Sets up what is missing, then trains, prunes, exports and compares:
#   bash scripts/quickstart.sh [OUTPUT_DIR] [--data DIR] [--checkpoint PREFIX]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

output_dir=quickstart_output
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
  output_dir=$1
  shift
fi

bash "$root/scripts/setup.sh"
# TensorFlow's notes on the processor would break the progress bars.
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
exec "$root/.venv/bin/python" -m object_detection_pruning.quickstart \
  --output_dir="$output_dir" "$@"
