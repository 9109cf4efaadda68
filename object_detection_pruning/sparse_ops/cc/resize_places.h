// Where the rows and columns of a resized image come from.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_RESIZE_PLACES_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_RESIZE_PLACES_H_

#include <stdint.h>

#include <vector>

namespace sparse_ops {

// Far beyond any real image. Where each row and column comes from is kept in
// memory, which nothing else bounds.
const int32_t kMaxOutputSide = 1 << 20;

// What an output row or column lies between.
struct Between {
  int64_t lower;
  int64_t upper;
  float weight;  // of the upper
};

// As ResizeBilinear has it: with aligned corners the last output is the last
// input.
std::vector<Between> PlacesOf(int64_t outputs, int64_t inputs,
                              bool align_corners);

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_RESIZE_PLACES_H_
