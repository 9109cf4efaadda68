// Max and average pooling of one output row: first down the columns, then
// along the row, so a 3x3 window costs 3 + 3 steps and not 9.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_POOL_KERNEL_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_POOL_KERNEL_H_

#include "simd.h"
#include "window.h"

namespace sparse_ops {
namespace {

struct Maximum {
  template <typename T>
  static T Combine(T a, T b) {
    return Max(a, b);
  }
  template <typename T>
  static T Finish(T value, int64_t) {
    return value;
  }
};

struct Average {
  template <typename T>
  static T Combine(T a, T b) {
    return Add(a, b);
  }
  // Padding is no part of the average, as in TensorFlow.
  template <typename T>
  static T Finish(T value, int64_t taps) {
    return Mul(value, Splat<T>(1.0f / static_cast<float>(taps)));
  }
};

// Combines whole rows, which are contiguous whatever the channels are.
template <typename Pool>
void CombineRow(const float* input, int64_t count, bool first, float* sums) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Vec x = LoadVec(input + i);
    Store(sums + i, first ? x : Pool::Combine(LoadVec(sums + i), x));
  }
  for (; i < count; ++i) {
    sums[i] = first ? input[i] : Pool::Combine(sums[i], input[i]);
  }
}

template <typename Pool>
struct PoolPixel {
  const float* columns;
  int64_t taps;
  int64_t valid_rows;
  int64_t channels;
  float* output;

  template <typename T>
  void Run(int64_t channel) const {
    T result = Load<T>(columns + channel);
    for (int64_t kx = 1; kx < taps; ++kx) {
      result =
          Pool::Combine(result, Load<T>(columns + kx * channels + channel));
    }
    Store(output + channel, Pool::Finish(result, taps * valid_rows));
  }
};

template <typename Pool>
void PoolRow(const WindowRow& row, float* scratch) {
  const int64_t channels = row.input_channels;
  int64_t valid_rows = 0;
  for (int64_t ky = 0; ky < row.kernel_height; ++ky) {
    if (row.rows[ky] == nullptr) continue;
    CombineRow<Pool>(row.rows[ky], row.input_width * channels,
                     valid_rows++ == 0, scratch);
  }
  for (int64_t x = 0; x < row.output_width; ++x) {
    const int64_t left = x * row.stride - row.pad_left;
    const Taps taps = TapsInside(row, left);
    const PoolPixel<Pool> pixel = {scratch + (left + taps.begin) * channels,
                                   taps.end - taps.begin, valid_rows, channels,
                                   row.output + x * channels};
    ForEachChannelGroup(channels, pixel);
  }
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_POOL_KERNEL_H_
