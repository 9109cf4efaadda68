// Where a window of one output row lies inside of the image.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_WINDOW_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_WINDOW_H_

#include "kernels.h"

namespace sparse_ops {
namespace {

// Outputs [begin, end) whose windows touch no left or right padding.
struct Interior {
  int64_t begin;
  int64_t end;
};

inline Interior InteriorOf(const WindowRow& row) {
  Interior interior;
  interior.begin = (row.pad_left + row.stride - 1) / row.stride;
  const int64_t room = row.input_width - row.kernel_width + row.pad_left;
  interior.end = room < 0 ? 0 : room / row.stride + 1;
  if (interior.end > row.output_width) interior.end = row.output_width;
  return interior;
}

// The horizontal taps [begin, end) of a window that starts at input column
// `left` which are inside of the image.
struct Taps {
  int64_t begin;
  int64_t end;
};

inline Taps TapsInside(const WindowRow& row, int64_t left) {
  Taps taps = {0, row.kernel_width};
  if (left < 0) taps.begin = -left;
  if (left + taps.end > row.input_width) taps.end = row.input_width - left;
  return taps;
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_WINDOW_H_
