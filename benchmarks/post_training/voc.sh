#!/usr/bin/env bash
# Prunes an SSD with VOC heads without training, and scores each result.
#
#   ODP_DATA=DATA bash benchmarks/post_training/voc.sh OUTPUT_DIR [REFINE_STEPS]
#
# SPARSITIES="0.5 0.6" prunes to these shares; an empty one leaves them out.
# PATTERNS=1 also prunes in the pattern 2:4 and by whole input channels.
# MIRROR=1 also prunes to these shares with the mirror image of each photo.
# ALLOCATIONS=1 also spreads 60 % in the other two ways.
# GENERATED=1 also prunes to 60 % without photos, on pictures that are made up.
# A result that is there already is not made again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

output=$1
steps=${2:-0}
model=$ODP_DATA/ssd_mobilenet_v1_0.75_voc
export OPENBLAS_NUM_THREADS=1
odp() { .venv/bin/python -m object_detection_pruning "$@"; }

dense=$output/dense/frozen_inference_graph.pb
if [[ ! -f $dense ]]; then
  odp export_inference_graph --pipeline_config_path="$model/model_only.config" \
    --checkpoint="$model/model.ckpt" --output_dir="$output/dense" --overwrite
fi
graphs=("$dense")

photos=--images=$ODP_DATA/photos112

# prune NAME FLAGS...
prune() {
  local folder=$output/$1
  shift
  if [[ ! -f $folder/pruning.json ]]; then
    odp prune_weights --model="$dense" --output_dir="$folder" \
      --refine_steps="$steps" --overwrite "$@"
  fi
  graphs+=("$folder/frozen_inference_graph.pb")
}

for sparsity in ${SPARSITIES-0.5 0.6 0.7 0.8}; do
  prune "weights_${sparsity}_$steps" "$photos" --sparsity="$sparsity"
  if [[ -n ${MIRROR:-} ]]; then
    prune "mirrored_${sparsity}_$steps" "$photos" --sparsity="$sparsity" \
      --mirror
  fi
done
if [[ -n ${PATTERNS:-} ]]; then
  prune "2_of_4_$steps" "$photos" --granularity=2:4
  for share in 0.2 0.3 0.5; do
    prune "channels_${share}_$steps" "$photos" --granularity=channel \
      --sparsity="$share"
  done
fi
if [[ -n ${ALLOCATIONS:-} ]]; then
  for way in uniform equal_error; do
    prune "${way}_0.6_$steps" "$photos" --sparsity=0.6 --allocation="$way"
  done
fi
if [[ -n ${GENERATED:-} ]]; then
  # As many as there are photos.
  prune "generated_0.6_$steps" --num_images=112 --sparsity=0.6
fi
.venv/bin/python benchmarks/post_training/voc_map.py \
  --data_dir="$ODP_DATA/voc_mini100" --output="$output/voc_$steps.json" \
  "${graphs[@]}"
