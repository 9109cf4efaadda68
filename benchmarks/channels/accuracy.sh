#!/usr/bin/env bash
# Channel pruning on BCCD: SSD MobileNet V1 0.75 at 80, 60 and 40 % of its
# parameters by L1, FPGM and soft filter pruning, beside the dense model
# retrained for the same steps.
#   bash benchmarks/channels/accuracy.sh CONFIG DENSE_CHECKPOINT OUTPUT_DIR STEPS
# The checkpoint is a detector trained on BCCD with that config, the folder
# `dense` of benchmarks/real_data.sh for one; masks are folded into its weights.
# All trainings have half the config's learning rate, and a cosine decay ends
# with them. A run that was stopped goes on where it was.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
config=${1:?CONFIG} checkpoint=${2:?DENSE_CHECKPOINT}
output_dir=${3:?OUTPUT_DIR} steps=${4:?STEPS}
python=$root/.venv/bin/python
prune_filters=$root/scripts/prune_filters.sh

# The config is what decides all that follows, and is the last to be written.
start=$output_dir/start half=$output_dir/half_start
if [ ! -f "$output_dir/accuracy.txt" ]; then
  "$python" -W ignore "$root/benchmarks/retraining_start.py" \
    "$config" "$checkpoint" "$steps" "$start"
  "$python" -W ignore "$root/benchmarks/retraining_start.py" \
    "$config" "$checkpoint" "$((steps / 2))" "$half"
  echo "$config $checkpoint $steps" >"$output_dir/accuracy.txt"
elif [ "$(cat "$output_dir/accuracy.txt")" != "$config $checkpoint $steps" ]
then
  echo "error: $output_dir holds a run of $(cat "$output_dir/accuracy.txt")" >&2
  exit 1
fi

# Half of the steps softly pruned, half after surgery: as many as the others.
soften() { # LEFT MODEL_DIR
  local ratio
  # Parameters are about the square of the channels.
  ratio=$("$python" -c "print('%.3f' % (1 - $1 ** 0.5))")
  "$python" -m object_detection_pruning.model_main \
    --pipeline_config_path="$half/pipeline.config" --model_dir="$2" \
    --num_train_steps="$((steps / 2))" --soft_filter_pruning_ratio="$ratio"
}
prune() { # NAME LEFT IMPORTANCE CONFIG CHECKPOINT STEPS
  bash "$prune_filters" "$4" "$5" "$output_dir/$1" "$6" --target_params="$2" \
    --importance="$3" --recalibrate_batch_norm=50
}

graph=export/frozen_inference_graph.pb
models=
for left in 0.6 0.4 0.8; do
  for method in filter_l1 fpgm soft; do
    name=$method-$left
    if [ -f "$output_dir/$name/comparison.json" ]; then
      :
    elif [ "$method" = soft ]; then
      soften "$left" "$output_dir/$name/soft"
      prune "$name" "$left" filter_l2 "$half/pipeline.config" \
        "$output_dir/$name/soft" "$((steps / 2))"
    else
      prune "$name" "$left" "$method" "$start/pipeline.config" \
        "$start/model.ckpt" "$steps"
    fi
    if [ -z "$models" ]; then
      # One control for all: only the first trains it.
      export CONTROL=no
      for dense in dense dense_retrained; do
        models+=${models:+,}$dense=$output_dir/$name/$dense/$graph
      done
    fi
    models+=",$name pruned=$output_dir/$name/pruned/$graph"
    models+=",$name retrained=$output_dir/$name/retrained/$graph"
  done
done
"$python" -m object_detection_pruning.compare_models \
  --pipeline_config_path="$start/pipeline.config" --output_dir="$output_dir" \
  --models="$models" --overwrite
