#!/usr/bin/env bash
# Sets up what is missing, then trains, prunes, exports and compares:
#   bash scripts/quickstart.sh [OUTPUT_DIR] [--data DIR] [--checkpoint PREFIX]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Set-up and TensorFlow take seconds, and a list of flags needs neither.
for argument; do
  case $argument in
    -h | -help | --help)
      cat <<'HELP'
Trains, prunes, exports and compares in one go.

  bash scripts/quickstart.sh [OUTPUT_DIR] [--FLAG...]

OUTPUT_DIR is quickstart_output if not given. Flags:
  --data_dir=DIR              VOC or COCO folder; else shapes are drawn
  --checkpoint=PREFIX         where training starts from
  --pipeline_config_path=FILE training settings and model
  --sparsity=0.85             share of zeros
  --method=reconstruction     or schedule: zeros come while training
  --dense_steps=N             steps for the dense model
  --prune_steps=N             steps for each later model
  --batch_size=N
  --verbose                   show TensorFlow's own log and warnings too

"odp help quickstart" says more of each.
HELP
      exit 0
      ;;
  esac
done

output_dir=quickstart_output
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
  output_dir=$1
  shift
fi

bash "$root/scripts/setup.sh"
# TensorFlow's notes on the processor would break the progress bars.
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
. "$root/scripts/environment.sh"
exec "$python" -m object_detection_pruning.quickstart \
  --output_dir="$output_dir" "$@"
