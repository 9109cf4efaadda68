#!/usr/bin/env bash
# Prunes a trained detector by its sensitivities and, to the same MACs, by the
# same share everywhere. Retrains each, and the dense model as their control,
# for the same steps at the same learning rates: half the config's, a cosine
# decay fitted to the steps. Exports and compares all of them:
#   bash benchmarks/sensitivity/accuracy.sh CONFIG CHECKPOINT FILE.json \
#     OUTPUT_DIR STEPS LOSS...
# CONFIG and CHECKPOINT are those of FILE.json; the quickstart's dense folder is
# such a pair. Batch norm is set from BATCHES training batches [60] in every
# model, 0 to leave it. comparison.md and .json are in OUTPUT_DIR at the end.
# What is done is not redone.
set -euo pipefail
if [ $# -lt 6 ]; then
  echo 'usage: bash benchmarks/sensitivity/accuracy.sh CONFIG CHECKPOINT' \
    'FILE.json OUTPUT_DIR STEPS LOSS...' >&2
  exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
config=$1 checkpoint=$2 sensitivities=$3 out=$4 steps=$5
shift 5
batches=${BATCHES:-60}
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2} PYTHONPATH=$root
graph=frozen_inference_graph.pb
run() { "$python" -W ignore -m "object_detection_pruning.$@"; }

# The folder holds one run: other rates or curves would mix with it.
settings=$(
  printf '%s\n' "$config" "$checkpoint" "$steps steps" "$batches batches"
  cksum <"$sensitivities"
)
mkdir -p "$out"
[ -f "$out/settings.txt" ] || printf '%s\n' "$settings" >"$out/settings.txt"
if [ "$settings" != "$(cat "$out/settings.txt")" ]; then
  echo "error: $out holds a run with other settings: name another folder" >&2
  exit 2
fi

export_to() {  # folder, config, checkpoint
  [ -f "$1/sparsity.json" ] ||
    run export_inference_graph --pipeline_config_path="$2" \
      --checkpoint="$3" --overwrite --output_dir="$1"
}
retrain() {  # folder, config
  if [ ! -f "$1/retrained/sparsity.json" ]; then
    local flags=()
    [ "$batches" = 0 ] || flags=(--recalibrate_batch_norm="$batches")
    run model_main --pipeline_config_path="$2" --model_dir="$1/model" \
      --num_train_steps="$steps" ${flags[@]+"${flags[@]}"}
    export_to "$1/retrained" "$2" "$1/model"
  fi
}
prune() {  # name, then flags that say what goes
  local dir=$out/$1 flags=("${@:2}")
  # The config is the last that prune_channels writes.
  [ -f "$dir/narrow/pipeline.config" ] ||
    run prune_channels --pipeline_config_path="$start/pipeline.config" \
      --checkpoint="$start/model.ckpt" --output_dir="$dir/narrow" \
      --recalibrate_batch_norm="$batches" --overwrite "${flags[@]}"
  export_to "$dir/pruned" "$dir/narrow/pipeline.config" "$dir/narrow/model.ckpt"
  retrain "$dir" "$dir/narrow/pipeline.config"
  models+=",$1=$dir/pruned/$graph,$1 retrained=$dir/retrained/$graph"
}
query() {  # expression of a JSON file's content, file
  "$python" -c "import json; content = json.load(open('$2')); print($1)"
}

# All start from this config, and so have its learning rates.
start=$out/start
[ -f "$start/pipeline.config" ] ||
  "$python" -W ignore "$root/benchmarks/retraining_start.py" \
    "$config" "$checkpoint" "$steps" "$start"
dense=$start/model.ckpt
if [ "$batches" != 0 ]; then
  dense=$out/dense/model/model.ckpt
  [ -f "$out/dense/model/pipeline.config" ] ||
    run recalibrate_batch_norm --pipeline_config_path="$start/pipeline.config" \
      --checkpoint="$start/model.ckpt" --num_batches="$batches" \
      --output_dir="$out/dense/model" --overwrite
fi
export_to "$out/dense/export" "$start/pipeline.config" "$dense"
retrain "$out/control" "$start/pipeline.config"
models="dense=$out/dense/export/$graph"
models+=",dense retrained=$out/control/retrained/$graph"
importance=$(query 'content["setup"]["importance"]' "$sensitivities")
for loss in "$@"; do
  prune "loss $loss" --sensitivities="$sensitivities" --eval_metric_loss="$loss"
  left=$(query '"%.4f" % (content["after"]["macs"] / content["before"]["macs"])' \
    "$out/loss $loss/narrow/plan.json")
  prune "uniform as $loss" --target_macs="$left" --importance="$importance"
done
run compare_models --pipeline_config_path="$start/pipeline.config" \
  --output_dir="$out" --overwrite --models="$models"
