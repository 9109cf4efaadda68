// Rows of a picture with three channels, resized one by one. The results are
// those of TensorFlow's ops to the last bit, so nothing here may be compiled for
// an instruction set that multiplies and adds with one rounding.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_PICTURE_ROWS_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_PICTURE_ROWS_H_

#include <stdint.h>

#include <vector>

#include "resize_places.h"

namespace sparse_ops {

const int64_t kPictureChannels = 3;

// An operation with a constant on the right: '+', '-' or '*'.
struct PictureStep {
  // Four pixels fill three vectors.
  static const int kPeriod = 12;

  char op;
  float values[kPeriod];
};

// Does the steps with `count` floats, which begin with a first channel.
void DoSteps(const std::vector<PictureStep>& steps, int64_t count,
             float* values);

// output[x] is between two pixels of `row`. Both must have room for one float
// more than they have pixels for.
void ResizeRow(const float* row, const std::vector<Between>& columns,
               float* output);

// output = top + (bottom - top) * weight.
void BlendRows(const float* top, const float* bottom, float weight,
               int64_t count, float* output);

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_PICTURE_ROWS_H_
