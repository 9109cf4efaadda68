#!/usr/bin/env bash
# Exports the dense and the pruned SSD of `real_data.sh ssd` in every format,
# and compares all of them, the retrained dense model as control among them:
#   bash benchmarks/formats.sh SSD_RUN OUTPUT_DIR
# comparison.md, .json and .html are in OUTPUT_DIR at the end. What is exported
# is not exported again.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ssd=${1:?SSD_RUN} out=${2:?OUTPUT_DIR}
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
run() { "$root/.venv/bin/python" -W ignore -m "object_detection_pruning.$@"; }

export_as() { # NAME OF WHAT IS WRITTEN, COMMAND AND FLAGS
  [ -e "$out/$model/$1" ] ||
    run "$2" --pipeline_config_path="$ssd/$model/pipeline.config" \
      --checkpoint="$ssd/$model" \
      --output_dir="$out/$model" --overwrite "${@:3}"
}
models=
for model in dense pruned; do
  export_as sparse_inference_graph.pb export_inference_graph --optimize \
    --sparse_ops
  export_as model.tflite export_tflite
  export_as model_8bit.tflite export_tflite --quantize
  for format in 'frozen graph=frozen_inference_graph.pb' \
    SavedModel=saved_model optimized=optimized_inference_graph.pb \
    'sparse graph=sparse_inference_graph.pb' TFLite=model.tflite \
    'TFLite 8-bit=model_8bit.tflite'; do
    models+=${models:+,}"$model ${format%%=*}=$out/$model/${format#*=}"
  done
done
models+=",dense retrained=$ssd/dense_retrained/export/frozen_inference_graph.pb"
run compare_models --models="$models" --output_dir="$out" --overwrite \
  --pipeline_config_path="$ssd/pruned/pipeline.config"
