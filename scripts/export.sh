#!/usr/bin/env bash
# Exports a training run as a stock model: frozen graph, SavedModel, weights.
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
  echo "usage: bash scripts/export.sh MODEL_DIR OUTPUT_DIR [STEP]" >&2
  exit 2
fi
model_dir=$1
output_dir=$2
checkpoint=$model_dir${3:+/model.ckpt-$3}
root=$(cd "$(dirname "$0")/.." && pwd)

bash "$root/scripts/setup.sh" >&2
exec "$root/.venv/bin/python" -m object_detection_pruning.export_inference_graph \
  --pipeline_config_path="$model_dir/pipeline.config" \
  --trained_checkpoint_prefix="$checkpoint" \
  --output_directory="$output_dir"
