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

template <typename Pool>
struct PoolGroup {
  const WindowRow& row;
  float* scratch;

  template <typename T>
  void Run(int64_t channel) const {
    const int width = Width<T>::kValue;
    const int64_t channels = row.input_channels;
    int64_t valid_rows = 0;
    for (int64_t ky = 0; ky < row.kernel_height; ++ky) {
      if (row.rows[ky] == nullptr) continue;
      const float* input = row.rows[ky] + channel;
      if (valid_rows++ == 0) {
        for (int64_t x = 0; x < row.input_width; ++x) {
          Store(scratch + x * width, Load<T>(input + x * channels));
        }
        continue;
      }
      for (int64_t x = 0; x < row.input_width; ++x) {
        Store(scratch + x * width,
              Pool::Combine(Load<T>(scratch + x * width),
                            Load<T>(input + x * channels)));
      }
    }
    for (int64_t x = 0; x < row.output_width; ++x) {
      const int64_t left = x * row.stride - row.pad_left;
      const Taps taps = TapsInside(row, left);
      const float* column = scratch + left * width;
      T result = Load<T>(column + taps.begin * width);
      for (int64_t kx = taps.begin + 1; kx < taps.end; ++kx) {
        result = Pool::Combine(result, Load<T>(column + kx * width));
      }
      Store(row.output + x * channels + channel,
            Pool::Finish(result, (taps.end - taps.begin) * valid_rows));
    }
  }
};

template <typename Pool>
void PoolRow(const WindowRow& row, float* scratch) {
  const PoolGroup<Pool> group = {row, scratch};
  ForEachChannelGroup(row.input_channels, group);
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_POOL_KERNEL_H_
