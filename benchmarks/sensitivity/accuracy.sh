#!/usr/bin/env bash
# Prunes a trained detector by its sensitivities and, to the same MACs, by the
# same share everywhere; retrains each for the same steps, exports and compares:
#   bash benchmarks/sensitivity/accuracy.sh CONFIG CHECKPOINT FILE.json \
#     OUTPUT_DIR STEPS LOSS...
# What is done is not redone.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
config=$1 checkpoint=$2 sensitivities=$3 out=$4 steps=$5
shift 5
export TF_CPP_MIN_LOG_LEVEL=2 PYTHONPATH=$root
run() { "$python" -W ignore -m "object_detection_pruning.$@"; }

prune() {  # name, then flags that say what goes
  local dir=$out/$1 flags=("${@:2}")
  [ -f "$dir/narrow/pipeline.config" ] ||
    run prune_channels --pipeline_config_path="$config" \
      --checkpoint="$checkpoint" --output_dir="$dir/narrow" \
      --recalibrate_batch_norm=10 "${flags[@]}"
  export_to "$dir/pruned" "$dir/narrow/pipeline.config" "$dir/narrow/model.ckpt"
  run model_main --pipeline_config_path="$dir/narrow/pipeline.config" \
    --model_dir="$dir/model" --num_train_steps="$steps"
  export_to "$dir/retrained" "$dir/narrow/pipeline.config" "$dir/model"
  models+=",$1=$dir/pruned,$1 retrained=$dir/retrained"
}
export_to() {  # folder, config, checkpoint
  [ -f "$1/sparsity.json" ] ||
    run export_inference_graph --pipeline_config_path="$2" \
      --trained_checkpoint_prefix="$3" --output_directory="$1"
}
macs_left() {
  "$python" - "$1" <<'PYTHON'
import json, sys
plan = json.load(open(sys.argv[1]))
print('%.4f' % (plan['after']['macs'] / plan['before']['macs']))
PYTHON
}

mkdir -p "$out"
export_to "$out/dense" "$config" "$checkpoint"
models="dense=$out/dense"
for loss in "$@"; do
  prune "loss $loss" --sensitivities="$sensitivities" --eval_metric_loss="$loss"
  left=$(macs_left "$out/loss $loss/narrow/plan.json")
  prune "uniform as $loss" --target_macs="$left"
done
run compare_models --pipeline_config_path="$config" --output_dir="$out" \
  --models="$models"
