#!/usr/bin/env bash
# Prunes the channels of a trained detector, retrains and exports what is left,
# and prints a table of it beside the dense model and the control: the dense
# model retrained for the same steps.
#   bash scripts/prune_filters.sh CONFIG CHECKPOINT OUTPUT_DIR STEPS [FLAGS...]
# FLAGS go to prune_channels, --ratio=0.5 for one. With --rounds=N among them it
# prunes and retrains N times, a part of both each time. CONTROL=no leaves the
# control out. What is done is not redone, and more STEPS train on.
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
rounds=1 shares=0 flags=()
for flag; do
  case $flag in --rounds=*) rounds=${flag#*=} ;; *) flags+=("$flag") ;; esac
done
case $rounds in
  '' | 0* | *[!0-9]*) fail "--rounds must be a number, 1 or more, got $rounds" ;;
esac
# Each round leaves the same share of what it is given, so that the last one
# leaves that of the dense model.
of_a_round() { # FLAG=SHARE
  local value=${1#*=}
  [[ $value =~ ^0?\.[0-9]+$ ]] || fail "${1%%=*} must be in (0, 1), got $value"
  # Of the channels --ratio says what goes, and not what stays.
  LC_ALL=C awk -v flag="${1%%=*}" -v share="$value" -v rounds="$rounds" 'BEGIN {
    goes = flag == "--ratio"
    kept = (goes ? 1 - share : share) ^ (1 / rounds)
    printf "%s=%.9f\n", flag, goes ? 1 - kept : kept
  }'
}
if [ "$rounds" -gt 1 ]; then
  for index in ${flags[@]+"${!flags[@]}"}; do
    case ${flags[index]} in
      --ratio=* | --target_params=* | --target_macs=* | --target_latency=*)
        flags[index]=$(of_a_round "${flags[index]}")
        shares=$((shares + 1))
        ;;
      --sensitivities*) fail '--sensitivities does not go with --rounds' ;;
    esac
  done
  [ $shares = 1 ] || fail 'with --rounds give one of --ratio=SHARE,' \
    '--target_params=SHARE, --target_macs=SHARE and --target_latency=SHARE'
fi
place() { # ROUND
  [ "$1" = "$rounds" ] || echo "round_$1/"
}
steps_of() { # NAME
  cat "$output_dir/$1/trained_steps" 2>/dev/null || echo 0
}
least=0
for ((round = 1; round <= rounds; round++)); do
  taken=$(steps_of "$(place "$round")retrained")
  least=$((least + (taken > 0 ? taken : 1)))
done
taken=$(steps_of dense_retrained)
[ "$taken" -le "$least" ] || least=$taken
[ "$steps" -ge "$least" ] ||
  fail "STEPS must be $least or more in $output_dir, got $steps"

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
train() { # NAME CONFIG STEPS
  [ "$(steps_of "$1")" != "$3" ] || return 0
  run model_main --pipeline_config_path="$2" --model_dir="$output_dir/$1" \
    --num_train_steps="$3" --fit_learning_rate \
    ${recalibrate:+"$recalibrate"}
  echo "$3" >"$output_dir/$1/trained_steps"
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

prune() { # ROUND CONFIG CHECKPOINT
  run prune_channels --pipeline_config_path="$2" --checkpoint="$3" \
    --output_dir="$output_dir/$(place "$1")pruned" --overwrite \
    ${flags[@]+"${flags[@]}"}
}
if [ ! -f "$settings" ]; then
  prune 1 "$config" "$checkpoint"
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
  train dense_retrained "$control/start/pipeline.config" "$steps"
  export_model dense_retrained "$control/start/pipeline.config" "$control"
fi
left=$steps
for ((round = 1; round <= rounds; round++)); do
  name=$(place "$round")retrained
  narrow=$output_dir/$(place "$round")pruned/pipeline.config
  if [ "$round" -gt 1 ] && [ ! -f "$narrow" ]; then
    before=$output_dir/$(place $((round - 1)))
    prune "$round" "${before}pruned/pipeline.config" "${before}retrained"
  fi
  [ "$round" != "$rounds" ] ||
    export_model pruned "$narrow" "$output_dir/pruned/model.ckpt"
  # What a round has left is pruned already: more steps are for those after it.
  part=$(steps_of "$name")
  if [ "$part" = 0 ] || [ "$round" = "$rounds" ]; then
    part=$((left / (rounds - round + 1)))
  fi
  train "$name" "$narrow" "$part"
  left=$((left - part))
done
export_model retrained "$narrow" "$output_dir/retrained"
run compare_models --pipeline_config_path="$config" --models="$models" \
  --output_dir="$output_dir" --overwrite
