#!/usr/bin/env bash
# The runs on real images whose tables stand in benchmarks/README.md.
#   bash benchmarks/real_data.sh ssd|faster_rcnn|mask_rcnn OUTPUT_DIR
# ODP_DATA names a folder with bccd (VOC), nuclei_dsb2018 (COCO) and
# ssd_mobilenet_v1_0.75_coco (a checkpoint). A run that was stopped goes on.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${ODP_DATA:?must name the folder with the data sets}"
which=${1:-} output=${2:-}

case "$which" in
  ssd)
    arguments=(--data="$ODP_DATA/bccd"
      --checkpoint="$ODP_DATA/ssd_mobilenet_v1_0.75_coco/model.ckpt"
      --config="$root/benchmarks/configs/ssd_masked_mobilenet_v1_bccd.config"
      --dense_steps=600 --prune_steps=1000 --batch_size=8)
    ;;
  faster_rcnn)
    arguments=(--data="$ODP_DATA/bccd"
      --config="$root/benchmarks/configs/faster_rcnn_masked_inception_v2_small.config"
      --dense_steps=150 --prune_steps=100 --batch_size=2)
    ;;
  mask_rcnn)
    arguments=(--data="$ODP_DATA/nuclei_dsb2018"
      --config="$root/benchmarks/configs/mask_rcnn_masked_inception_v2_small.config"
      --dense_steps=120 --prune_steps=80 --batch_size=1)
    ;;
  *)
    echo 'usage: bash benchmarks/real_data.sh ssd|faster_rcnn|mask_rcnn' \
      'OUTPUT_DIR' >&2
    exit 2
    ;;
esac
exec bash "$root/scripts/quickstart.sh" "${output:?OUTPUT_DIR is missing}" \
  --method=schedule "${arguments[@]}"
