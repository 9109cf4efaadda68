#!/usr/bin/env bash
# Measures what stands in RESULTS.md, a file for each table:
#   bash benchmarks/sparse_ops/tables.sh SSD_RUN OUTPUT_DIR
# SSD_RUN is the output of `real_data.sh ssd`, or what there is of it yet: its
# dense model does without the trained row. Three rivals are measured where
# a variable says where they are: PROTOTYPE (its folder, built), MNN_PYTHON (an
# interpreter that has MNN) and OTHER_PYTHON (one with another TensorFlow and
# this package). FASTER_RCNN_RUN and MASK_RCNN_RUN add the trained models of
# those runs. What is done is not redone.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
ssd=${1:?SSD_RUN} out=${2:?OUTPUT_DIR}
python=$root/.venv/bin/python
frozen=export/frozen_inference_graph.pb
export TF_CPP_MIN_LOG_LEVEL=3 OPENBLAS_NUM_THREADS=1
mkdir -p "$out"

make() {  # graph to write, flags
  [ -f "$1" ] || "$python" -W ignore "$here/make_detector.py" \
    --output_graph="$1" "${@:2}"
}
table() {  # name, flags
  [ -s "$out/$1.md" ] && return
  echo "$1" >&2
  "$python" -W ignore "$here/compare.py" "${@:2}" >"$out/$1.part"
  mv "$out/$1.part" "$out/$1.md"
}
# The sample config, with 100 proposals.
two_stage() {  # graph to write, config
  sed 's/\(first_stage_max_proposals:\) .*/\1 100/' "$root/configs/$2" \
    >"$out/$2"
  make "$1" --pipeline_config_path="$out/$2"
}

rival=${PROTOTYPE:+--prototype=$PROTOTYPE}
cut=$out/cut.pb whole=$ssd/dense/$frozen
make "$cut" --cut_before_nms --pipeline_config_path="$ssd/dense/pipeline.config" \
  --checkpoint="$("$python" -c 'import sys, tensorflow as tf
print(tf.train.latest_checkpoint(sys.argv[1]))' "$ssd/dense" 2>/dev/null)"
table ssd_cut --graph="$cut" --dense $rival
table ssd_cut_2_threads --graph="$cut" --threads=2 --sparsities=.9
table ssd_cut_avx2 --graph="$cut" --sparsities=.85,.9 --avx2
table ssd_whole --graph="$whole" $rival --height=480 --width=640
table ssd_whole_dense --graph="$whole" --dense --sparsities= --height=480 \
  --width=640
if [ -f "$ssd/pruned/$frozen" ]; then
  table ssd_trained --graph="$ssd/pruned/$frozen" --trained $rival \
    --height=480 --width=640
fi
if [ -n "${MNN_PYTHON:-}" ]; then
  mnn=
  for sparsity in 0.85 0.90; do
    "$python" -W ignore "$here/magnitude.py" --graph="$cut" \
      --sparsity=$sparsity --output="$out/cut$sparsity.pb"
    "$MNN_PYTHON" "$here/make_mnn.py" --graph="$out/cut$sparsity.pb" \
      --output="$out/cut$sparsity.mnn" >/dev/null
    mnn+=${mnn:+,}$sparsity=$out/cut$sparsity.mnn
  done
  table ssd_cut_mnn --graph="$cut" --sparsities=.85,.9 --mnn="$mnn" \
    --mnn_python="$MNN_PYTHON"
fi
if [ -n "${OTHER_PYTHON:-}" ]; then
  table ssd_cut_other_tf --graph="$cut" --sparsities=.9 \
    --other_python="$OTHER_PYTHON"
fi
two_stage "$out/faster_rcnn.pb" faster_rcnn_masked_inception_v2_coco.config
table faster_rcnn --graph="$out/faster_rcnn.pb" $rival --height=600 \
  --width=800 --seconds=120
two_stage "$out/mask_rcnn.pb" mask_rcnn_masked_inception_v2_coco.config
table mask_rcnn --graph="$out/mask_rcnn.pb" --sparsities=.85,.9 $rival \
  --height=600 --width=800 --seconds=120
if [ -n "${FASTER_RCNN_RUN:-}" ]; then
  table faster_rcnn_trained --graph="$FASTER_RCNN_RUN/pruned/$frozen" \
    --trained $rival --height=480 --width=640
fi
if [ -n "${MASK_RCNN_RUN:-}" ]; then
  table mask_rcnn_trained --graph="$MASK_RCNN_RUN/pruned/$frozen" --trained \
    $rival --height=256 --width=256
fi
