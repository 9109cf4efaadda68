#!/usr/bin/env bash
# Compares a pruned SSD in floats with what 8 bits make of it, by mAP:
#   CLASSIC=PYTHON MODERN=PYTHON bash benchmarks/eight_bits.sh MODEL_DIR \
#     RECORDS OUTPUT_DIR [STEPS]
# MODEL_DIR has a masked model and its pipeline.config; RECORDS has train.record,
# whose images calibrate, test.record and label_map.pbtxt. CLASSIC and MODERN are
# the interpreters of the two stacks: one trains in 8 bits, the other calibrates.
# The model trained in 8 bits learns for STEPS more, and so does its control in
# floats. What is there already is not made again.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
model=${1:?MODEL_DIR} records=${2:?RECORDS} out=${3:?OUTPUT_DIR} steps=${4:-300}
export PYTHONPATH=$root TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
odp() { "$1" -W ignore -m object_detection_pruning "${@:2}"; }

# configure NAME MORE: writes the config of a training that goes on.
configure() {
  "$CLASSIC" -W ignore - "$model/pipeline.config" "$out/$1" "$2" <<END
import sys

from object_detection_pruning.builders import pipeline

path, folder, more = sys.argv[1:]
training = '''train_config { num_steps: $steps optimizer { momentum_optimizer {
  learning_rate { cosine_decay_learning_rate {
    learning_rate_base: 0.002 total_steps: $steps
    warmup_learning_rate: 0.0005 warmup_steps: 30 } } } } }'''
pipeline.save(pipeline.load(path, training + more), folder)
END
}

# train NAME MORE: trains on with that in the config.
train() {
  mkdir -p "$out/$1"
  configure "$1" "$2"
  odp "$CLASSIC" model_main --pipeline_config_path="$out/$1/pipeline.config" \
    --model_dir="$out/$1" --num_train_steps="$steps" --seed=1
}

# convert PYTHON NAME FOLDER FLAGS...: exports a model for TFLite.
convert() {
  compgen -G "$out/$2/*.tflite" >/dev/null || odp "$1" export_tflite --checkpoint="$3" \
    --pipeline_config_path="$3/pipeline.config" --output_dir="$out/$2" "${@:4}"
}

train float_training ''
train quantized_training \
  'graph_rewriter { quantization { delay: 0 weight_bits: 8 activation_bits: 8 } }'
convert "$MODERN" float "$model"
convert "$MODERN" weights "$model" --quantize
convert "$MODERN" photos "$model" --quantize --images="$records/train.record"
convert "$MODERN" control "$out/float_training"
convert "$MODERN" control_photos "$out/float_training" --quantize \
  --images="$records/train.record"
convert "$CLASSIC" trained "$out/quantized_training"

names=(
  'float=float/model.tflite'
  '8-bit weights=weights/model_8bit.tflite'
  '8 bits by photos=photos/model_8bit.tflite'
  'float trained on=control/model.tflite'
  '8 bits by photos trained on=control_photos/model_8bit.tflite'
  'trained in 8 bits=trained/model_8bit.tflite'
)
models=
for each in "${names[@]}"; do
  models+=${models:+,}"${each%%=*}=$out/${each#*=}"
done
odp "$MODERN" compare_models --models="$models" --output_dir="$out" --overwrite \
  --eval_record="$records/test.record" --label_map_path="$records/label_map.pbtxt"
