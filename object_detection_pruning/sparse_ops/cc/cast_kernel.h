// Pixels of a picture as floats.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_CAST_KERNEL_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_CAST_KERNEL_H_

#include "simd.h"

namespace sparse_ops {
namespace {

// The compiler makes vectors of it, of the instruction set of this file.
void CastBytes(const uint8_t* input, int64_t count, float* output) {
  for (int64_t i = 0; i < count; ++i) output[i] = input[i];
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_CAST_KERNEL_H_
