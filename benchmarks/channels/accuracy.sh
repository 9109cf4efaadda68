#!/usr/bin/env bash
# Channel pruning on BCCD: SSD MobileNet V1 0.75 at 80, 60 and 40 % of its
# parameters by L1, FPGM and soft filter pruning, beside the dense model
# retrained for the same steps.
#   bash benchmarks/channels/accuracy.sh CONFIG DENSE_CHECKPOINT OUTPUT_DIR STEPS
# The checkpoint is a detector trained on BCCD with that config, whose learning
# rate should not depend on the number of steps. A run that was stopped goes on
# where it was.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
config=${1:?CONFIG} checkpoint=${2:?DENSE_CHECKPOINT}
output_dir=${3:?OUTPUT_DIR} steps=${4:?STEPS}
cd "$root"

control=$output_dir/control
mkdir -p "$control"
# Merged last, so that the control starts from the very weights that are pruned.
"$root/.venv/bin/python" - "$config" "$checkpoint" "$control" <<'PY'
import sys
import object_detection_pruning  # noqa: F401
from object_detection_pruning import pipeline
config = pipeline.load(sys.argv[1])
config.train_config.fine_tune_checkpoint = sys.argv[2]
config.train_config.fine_tune_checkpoint_type = 'detection'
config.train_config.load_all_detection_checkpoint_vars = True
pipeline.save(config, sys.argv[3])
PY
"$root/.venv/bin/python" -m object_detection_pruning.model_main \
  --pipeline_config_path="$control/pipeline.config" \
  --model_dir="$control/model" --num_train_steps="$steps"
[ -f "$control/export/sparsity.json" ] ||
  "$root/.venv/bin/python" -m object_detection_pruning.export_inference_graph \
    --pipeline_config_path="$control/pipeline.config" \
    --trained_checkpoint_prefix="$control/model" \
    --output_directory="$control/export"

# Half of the steps softly pruned, half after surgery: as many as the others.
soften() {
  local ratio
  # Parameters are about the square of the channels.
  ratio=$("$root/.venv/bin/python" -c "print('%.3f' % (1 - $1 ** 0.5))")
  "$root/.venv/bin/python" -m object_detection_pruning.model_main \
    --pipeline_config_path="$control/pipeline.config" --model_dir="$2" \
    --num_train_steps="$((steps / 2))" --soft_filter_pruning_ratio="$ratio"
}

graph=export/frozen_inference_graph.pb
models="dense retrained=$control/$graph"
for left in 0.6 0.4 0.8; do
  for method in filter_l1 fpgm soft; do
    name=$method-$left start=$checkpoint importance=$method retrain=$steps
    if [ "$method" = soft ]; then
      start=$output_dir/$name/soft importance=filter_l2 retrain=$((steps / 2))
    fi
    if [ ! -f "$output_dir/$name/comparison.json" ]; then
      [ "$method" != soft ] || soften "$left" "$start"
      bash scripts/prune_filters.sh "$config" "$start" "$output_dir/$name" \
        "$retrain" --target_params="$left" --importance="$importance" \
        --recalibrate_batch_norm=50
    fi
    models+=",$name pruned=$output_dir/$name/pruned/$graph"
    models+=",$name retrained=$output_dir/$name/retrained/$graph"
  done
done
"$root/.venv/bin/python" -m object_detection_pruning.compare_models \
  --pipeline_config_path="$config" --output_dir="$output_dir" --models="$models"
