#!/usr/bin/env bash
# Prunes the channels of a trained detector, retrains and exports what is left,
# and prints a table of it beside the dense model and the control: the dense
# model retrained for the same steps.
#   bash scripts/prune_filters.sh CONFIG CHECKPOINT OUTPUT_DIR STEPS [FLAGS...]
# FLAGS go to prune_channels, --ratio=0.5 for one. CONTROL=no leaves the control
# out. What is done is not redone, and more STEPS train on.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [ $# -lt 4 ]; then
  echo 'usage: bash scripts/prune_filters.sh CONFIG CHECKPOINT OUTPUT_DIR' \
    'STEPS [FLAGS...]' >&2
  exit 2
fi
config=$1 checkpoint=$2 output_dir=$3 steps=$4
shift 4

fail() {
  echo "error: $*" >&2
  exit 2
}
case $steps in '' | *[!0-9]*) fail "STEPS must be a number, got $steps" ;; esac
case $output_dir in *,*) fail "OUTPUT_DIR must have no comma, got $output_dir" ;; esac
settings=$output_dir/prune_filters.txt
wanted=$(printf '%s\n' "$config" "$checkpoint" "$@")
if [ -f "$settings" ] && [ "$(cat "$settings")" != "$wanted" ]; then
  fail "$output_dir holds a run with another CONFIG, CHECKPOINT or FLAGS" \
    "($settings): name another folder or remove it"
fi
for name in dense_retrained retrained; do
  done_steps=$(cat "$output_dir/$name/trained_steps" 2>/dev/null || echo 0)
  [ "$steps" -ge "$done_steps" ] ||
    fail "STEPS must be $done_steps or more in $output_dir, got $steps"
done

bash "$root/scripts/setup.sh" >&2
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
. "$root/scripts/environment.sh"
run() {
  local name=$1
  shift
  "$python" -m "object_detection_pruning.$name" "$@"
}
# Both trainings end as the surgery does: with statistics of batch norm that
# belong to the weights. 100 is what prune_channels takes by default.
batches=100
if [[ " $* " =~ recalibrate_batch_norm[=\ ]([0-9]+) ]]; then
  batches=${BASH_REMATCH[1]}
fi
recalibrate=
[ "$batches" = 0 ] || recalibrate=--recalibrate_batch_norm=$batches
# The config is of a run of other steps, and its learning rate may end before.
train() { # NAME CONFIG
  local marker=$output_dir/$1/trained_steps
  [ "$(cat "$marker" 2>/dev/null)" != "$steps" ] || return 0
  run model_main --pipeline_config_path="$2" --model_dir="$output_dir/$1" \
    --num_train_steps="$steps" --fit_learning_rate \
    ${recalibrate:+"$recalibrate"}
  echo "$steps" >"$marker"
}
models=
export_model() { # NAME CONFIG CHECKPOINT
  local folder=$output_dir/$1/export
  local report=$folder/sparsity.json
  if [ ! -f "$report" ] || [ -n "$(find "$output_dir/$1" -maxdepth 1 \
    -name '*.index' -newer "$report")" ]; then
    run export_inference_graph --pipeline_config_path="$2" \
      --checkpoint="$3" --output_dir="$folder" --overwrite
  fi
  models+=${models:+,}$1=$folder/frozen_inference_graph.pb
}

narrow=$output_dir/pruned/pipeline.config
if [ ! -f "$settings" ]; then
  run prune_channels --pipeline_config_path="$config" \
    --checkpoint="$checkpoint" --output_dir="$output_dir/pruned" --overwrite "$@"
  # Not before: a wrong flag must not claim the folder.
  echo "$wanted" >"$settings"
fi
export_model dense "$config" "$checkpoint"
if [ "${CONTROL:-yes}" != no ]; then
  control=$output_dir/dense_retrained
  [ -f "$control/start/pipeline.config" ] ||
    "$python" - "$config" "$checkpoint" "$control/start" <<'PY'
import sys

from object_detection_pruning.builders import pipeline
from object_detection_pruning.channels import retraining
from object_detection_pruning.common import checkpoints

config, checkpoint, folder = sys.argv[1:]
prefix = checkpoints.resolve(checkpoint)
pipeline.save(retraining.from_checkpoint(pipeline.load(config), prefix), folder)
PY
  train dense_retrained "$control/start/pipeline.config"
  export_model dense_retrained "$control/start/pipeline.config" "$control"
fi
export_model pruned "$narrow" "$output_dir/pruned/model.ckpt"
train retrained "$narrow"
export_model retrained "$narrow" "$output_dir/retrained"
run compare_models --pipeline_config_path="$config" --models="$models" \
  --output_dir="$output_dir" --overwrite
