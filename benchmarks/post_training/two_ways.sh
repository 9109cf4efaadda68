#!/usr/bin/env bash
# Prunes one SSD from its checkpoint and from a frozen graph alone, which the
# stock exporter writes, and compares all values and the mAP of both results.
#
#   ODP_DATA=DATA bash benchmarks/post_training/two_ways.sh OUTPUT_DIR
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

output=$1
model=$ODP_DATA/ssd_mobilenet_v1_0.75_voc
export OPENBLAS_NUM_THREADS=1
flags=(--images="$ODP_DATA/photos112" --sparsity=0.6)

.venv/bin/python -m object_detection.export_inference_graph \
  --input_type=image_tensor --output_directory="$output/stock" \
  --pipeline_config_path="$model/model_only.config" \
  --trained_checkpoint_prefix="$model/model.ckpt"
.venv/bin/python -m object_detection_pruning prune_weights "${flags[@]}" \
  --model="$output/stock/frozen_inference_graph.pb" \
  --output_dir="$output/from_graph"
.venv/bin/python -m object_detection_pruning prune_weights "${flags[@]}" \
  --pipeline_config_path="$model/model_only.config" \
  --checkpoint="$model/model.ckpt" --output_dir="$output/from_checkpoint"
graphs=()
for way in graph checkpoint; do
  graphs+=("$output/from_$way/frozen_inference_graph.pb")
done
.venv/bin/python benchmarks/post_training/graph_difference.py "${graphs[@]}"
.venv/bin/python benchmarks/post_training/voc_map.py \
  --data_dir="$ODP_DATA/voc_mini100" --output="$output/two_ways.json" \
  "${graphs[@]}"
