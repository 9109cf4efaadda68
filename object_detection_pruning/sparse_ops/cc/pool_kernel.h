// Max and average pooling of one output row.
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
struct PoolPixel {
  const float* const* rows;
  int64_t row_count;
  int64_t left;  // floats from a row's start
  int64_t taps;
  int64_t channels;
  float* output;

  template <typename T>
  void Run(int64_t channel) const {
    T result = Load<T>(rows[0] + left + channel);
    for (int64_t ky = 0; ky < row_count; ++ky) {
      const float* pixel = rows[ky] + left + channel;
      for (int64_t kx = ky == 0; kx < taps; ++kx) {
        result = Pool::Combine(result, Load<T>(pixel + kx * channels));
      }
    }
    Store(output + channel, Pool::Finish(result, taps * row_count));
  }
};

const int kSide = 3;

// A window with kSide by kSide taps inside of the image, the most common one.
template <typename Pool>
struct PoolSquarePixel {
  const float* const* rows;
  int64_t left;  // floats from a row's start
  int64_t channels;
  float* output;

  template <typename T>
  void Run(int64_t channel) const {
    T columns[kSide];
    SPARSE_OPS_UNROLL
    for (int kx = 0; kx < kSide; ++kx) {
      const int64_t at = left + kx * channels + channel;
      columns[kx] = Load<T>(rows[0] + at);
      SPARSE_OPS_UNROLL
      for (int ky = 1; ky < kSide; ++ky) {
        columns[kx] = Pool::Combine(columns[kx], Load<T>(rows[ky] + at));
      }
    }
    SPARSE_OPS_UNROLL
    for (int kx = 1; kx < kSide; ++kx) {
      columns[0] = Pool::Combine(columns[0], columns[kx]);
    }
    Store(output + channel, Pool::Finish(columns[0], kSide * kSide));
  }
};

template <typename Pool>
void PoolRow(const WindowRow& row) {
  const int64_t channels = row.input_channels;
  // Padding is above and below the rows of the image, and every window has one.
  const float* const* rows = row.rows;
  const float* const* end = rows + row.kernel_height;
  while (*rows == nullptr) ++rows;
  while (end[-1] == nullptr) --end;
  for (int64_t x = 0; x < row.output_width; ++x) {
    const int64_t left = x * row.stride - row.pad_left;
    const Taps taps = TapsInside(row, left);
    const int64_t first = (left + taps.begin) * channels;
    const int64_t width = taps.end - taps.begin;
    const int64_t height = end - rows;
    float* output = row.output + x * channels;
    if (width == kSide && height == kSide) {
      const PoolSquarePixel<Pool> pixel = {rows, first, channels, output};
      ForEachChannelGroup(channels, pixel);
    } else {
      const PoolPixel<Pool> pixel = {rows, height, first, width, channels,
                                     output};
      ForEachChannelGroup(channels, pixel);
    }
  }
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_POOL_KERNEL_H_
