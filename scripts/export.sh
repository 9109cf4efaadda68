#!/usr/bin/env bash
# Exports a training run as a stock model: frozen graph, SavedModel, weights.
set -euo pipefail

usage() {
  echo 'usage: bash scripts/export.sh MODEL_DIR OUTPUT_DIR [STEP] [--FLAG...]' >&2
  exit 2
}

# Flags, such as --sparse_ops, go to the command as they are.
places=() flags=()
for argument in "$@"; do
  case "$argument" in
    -*) flags+=("$argument") ;;
    *) places+=("$argument") ;;
  esac
done
[ ${#places[@]} -eq 2 ] || [ ${#places[@]} -eq 3 ] || usage
model_dir=${places[0]} output_dir=${places[1]} step=${places[2]:-}
checkpoint=$model_dir${step:+/model.ckpt-$step}
root=$(cd "$(dirname "$0")/.." && pwd)

bash "$root/scripts/setup.sh" >&2
. "$root/scripts/environment.sh"
exec "$python" -m object_detection_pruning.export_inference_graph \
  --pipeline_config_path="$model_dir/pipeline.config" \
  --checkpoint="$checkpoint" \
  --output_dir="$output_dir" ${flags[@]+"${flags[@]}"}
