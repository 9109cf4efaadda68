// A dense convolution for few input channels: the first layer of a network.
//
// With three input channels there is nothing to gather, so the lanes hold
// output channels, and every input value is broadcast.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_DENSE_KERNEL_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_DENSE_KERNEL_H_

#include "simd.h"
#include "window.h"

namespace sparse_ops {
namespace {

// Sums of as many pixels as registers hold; too few would wait for each other.
template <int kGroups>
struct DensePixelsAtOnce {
  static const int kValue = kGroups == 1 || kLanes == 16 ? 8 : 4;
};

// kPixels neighbouring outputs, kGroups vectors of output channels from
// `channel` on. More than one pixel only where no window touches padding; that
// case TapsInside leaves whole.
template <typename T, int kPixels, int kGroups>
inline void DensePixels(const WindowRow& row, const float* weights,
                        const float* bias, const T lower, const T upper,
                        int64_t first, int64_t channel) {
  const int width = Width<T>::kValue;
  const int64_t left = first * row.stride - row.pad_left;
  const Taps taps = TapsInside(row, left);
  const int64_t pixel_step = row.stride * row.input_channels;
  T sums[kPixels][kGroups];
  SPARSE_OPS_UNROLL
  for (int g = 0; g < kGroups; ++g) {
    const T b = Load<T>(bias + channel + g * width);
    SPARSE_OPS_UNROLL
    for (int p = 0; p < kPixels; ++p) sums[p][g] = b;
  }
  for (int64_t ky = 0; ky < row.kernel_height; ++ky) {
    if (row.rows[ky] == nullptr) continue;
    const float* input = row.rows[ky] + left * row.input_channels;
    const float* weight =
        weights +
        ky * row.kernel_width * row.input_channels * row.output_channels +
        channel;
    // Taps and channels are neighbours in memory, in the image as in the
    // kernel, so they are one loop.
    for (int64_t t = taps.begin * row.input_channels;
         t < taps.end * row.input_channels; ++t) {
      T w[kGroups];
      SPARSE_OPS_UNROLL
      for (int g = 0; g < kGroups; ++g) {
        w[g] = Load<T>(weight + t * row.output_channels + g * width);
      }
      SPARSE_OPS_UNROLL
      for (int p = 0; p < kPixels; ++p) {
        const T x = Splat<T>(input[t + p * pixel_step]);
        SPARSE_OPS_UNROLL
        for (int g = 0; g < kGroups; ++g) {
          sums[p][g] = MulAdd(x, w[g], sums[p][g]);
        }
      }
    }
  }
  float* output = row.output + first * row.output_channels + channel;
  SPARSE_OPS_UNROLL
  for (int p = 0; p < kPixels; ++p) {
    SPARSE_OPS_UNROLL
    for (int g = 0; g < kGroups; ++g) {
      Store(output + p * row.output_channels + g * width,
            Clamp(sums[p][g], lower, upper));
    }
  }
}

template <typename T, int kGroups>
void DenseChannels(const WindowRow& row, const float* weights,
                   const float* bias, const Range& range, int64_t channel) {
  const int pixels = DensePixelsAtOnce<kGroups>::kValue;
  const Interior interior = InteriorOf(row);
  const T lower = Splat<T>(range.lower), upper = Splat<T>(range.upper);
  int64_t x = 0;
  while (x < row.output_width) {
    if (x >= interior.begin && x + pixels <= interior.end) {
      DensePixels<T, pixels, kGroups>(row, weights, bias, lower, upper, x,
                                      channel);
      x += pixels;
    } else {
      DensePixels<T, 1, kGroups>(row, weights, bias, lower, upper, x, channel);
      ++x;
    }
  }
}

struct DenseGroup {
  const WindowRow& row;
  const float* weights;
  const float* bias;
  const Range& range;

  template <typename T>
  void Run(int64_t channel) const {
    DenseChannels<T, 1>(row, weights, bias, range, channel);
  }
};

void DenseRow(const WindowRow& row, const float* weights, const float* bias,
              const Range& range) {
  int64_t c = 0;
  for (; c + 2 * kLanes <= row.output_channels; c += 2 * kLanes) {
    DenseChannels<Vec, 2>(row, weights, bias, range, c);
  }
  const DenseGroup group = {row, weights, bias, range};
  ForEachChannelGroup(row.output_channels, group, c);
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_DENSE_KERNEL_H_
