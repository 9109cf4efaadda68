#!/usr/bin/env bash
# Prunes the channels of a trained detector, retrains and exports what is left,
# and prints a table of dense, pruned and retrained:
#   bash scripts/prune_filters.sh CONFIG CHECKPOINT OUTPUT_DIR STEPS [FLAGS...]
# FLAGS go to prune_channels, --ratio=0.5 for one. What is done is not redone.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [ $# -lt 4 ]; then
  echo 'usage: bash scripts/prune_filters.sh CONFIG CHECKPOINT OUTPUT_DIR' \
    'STEPS [FLAGS...]' >&2
  exit 2
fi
config=$1 checkpoint=$2 output_dir=$3 steps=$4
shift 4

bash "$root/scripts/setup.sh" >&2
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
run() {
  local name=$1
  shift
  "$root/.venv/bin/python" -m "object_detection_pruning.$name" "$@"
}
export_model() {
  [ -f "$output_dir/$1/export/sparsity.json" ] ||
    run export_inference_graph --pipeline_config_path="$2" \
      --trained_checkpoint_prefix="$3" --output_directory="$output_dir/$1/export"
}
narrow=$output_dir/pruned/pipeline.config

# The config is the last that prune_channels writes.
[ -f "$narrow" ] ||
  run prune_channels --pipeline_config_path="$config" \
    --checkpoint="$checkpoint" --output_dir="$output_dir/pruned" "$@"
export_model dense "$config" "$checkpoint"
export_model pruned "$narrow" "$output_dir/pruned/model.ckpt"
run model_main --pipeline_config_path="$narrow" \
  --model_dir="$output_dir/retrained" --num_train_steps="$steps"
export_model retrained "$narrow" "$output_dir/retrained"
models=
for name in dense pruned retrained; do
  models+=${models:+,}$name=$output_dir/$name/export/frozen_inference_graph.pb
done
run compare_models --pipeline_config_path="$config" --models="$models" \
  --output_dir="$output_dir"
