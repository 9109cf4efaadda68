// Depthwise convolution, bias and activation in one pass.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_DEPTHWISE_KERNEL_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_DEPTHWISE_KERNEL_H_

#include "simd.h"
#include "window.h"

namespace sparse_ops {
namespace {

const int kDepthwisePixels = 8;

// kPixels neighbouring outputs of one group of channels. With more than one
// pixel the caller promises that no window touches the left or right padding.
template <typename T, int kPixels>
inline void DepthwisePixels(const WindowRow& row, const float* weights,
                            const T bias, const T lower, const T upper,
                            int64_t first, int64_t channel) {
  const int64_t channels = row.input_channels;
  const int64_t left = first * row.stride - row.pad_left;
  const Taps taps = TapsInside(row, left);
  T sums[kPixels];
  SPARSE_OPS_UNROLL
  for (int p = 0; p < kPixels; ++p) sums[p] = bias;
  for (int64_t ky = 0; ky < row.kernel_height; ++ky) {
    if (row.rows[ky] == nullptr) continue;
    const float* input = row.rows[ky] + left * channels + channel;
    const float* weight = weights + ky * row.kernel_width * channels + channel;
    for (int64_t kx = taps.begin; kx < taps.end; ++kx) {
      const T w = Load<T>(weight + kx * channels);
      const float* x = input + kx * channels;
      SPARSE_OPS_UNROLL
      for (int p = 0; p < kPixels; ++p) {
        sums[p] =
            MulAdd(w, Load<T>(x + p * row.stride * channels), sums[p]);
      }
    }
  }
  float* output = row.output + first * channels + channel;
  SPARSE_OPS_UNROLL
  for (int p = 0; p < kPixels; ++p) {
    Store(output + p * channels, Clamp(sums[p], lower, upper));
  }
}

struct DepthwiseGroup {
  const WindowRow& row;
  const float* weights;
  const float* bias;
  const Range& range;

  template <typename T>
  void Run(int64_t channel) const {
    const Interior interior = InteriorOf(row);
    const T b = Load<T>(bias + channel);
    const T lower = Splat<T>(range.lower), upper = Splat<T>(range.upper);
    int64_t x = 0;
    while (x < row.output_width) {
      if (x >= interior.begin && x + kDepthwisePixels <= interior.end) {
        DepthwisePixels<T, kDepthwisePixels>(row, weights, b, lower, upper, x,
                                             channel);
        x += kDepthwisePixels;
      } else {
        DepthwisePixels<T, 1>(row, weights, b, lower, upper, x, channel);
        ++x;
      }
    }
  }
};

// Eight outputs per input channel fill a register of eight lanes, whatever the
// number of input channels: the stem of Inception V2 has three.
typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));
const int kMultiplierOfStem = 8;

inline Eight LoadEight(const float* p) {
  return *reinterpret_cast<const Eight*>(p);
}

inline Eight SplatEight(float x) { return Eight{x, x, x, x, x, x, x, x}; }

template <int kPixels>
inline void MultiplierPixels(const WindowRow& row, const float* weights,
                             const float* bias, const Range& range,
                             int64_t first, int64_t channel) {
  const int64_t left = first * row.stride - row.pad_left;
  const Taps taps = TapsInside(row, left);
  Eight sums[kPixels];
  SPARSE_OPS_UNROLL
  for (int p = 0; p < kPixels; ++p) {
    sums[p] = LoadEight(bias + channel * kMultiplierOfStem);
  }
  for (int64_t ky = 0; ky < row.kernel_height; ++ky) {
    if (row.rows[ky] == nullptr) continue;
    const float* input = row.rows[ky] + left * row.input_channels + channel;
    const float* weight = weights +
                          ky * row.kernel_width * row.output_channels +
                          channel * kMultiplierOfStem;
    for (int64_t kx = taps.begin; kx < taps.end; ++kx) {
      const Eight w = LoadEight(weight + kx * row.output_channels);
      SPARSE_OPS_UNROLL
      for (int p = 0; p < kPixels; ++p) {
        sums[p] += w * SplatEight(
                           input[(kx + p * row.stride) * row.input_channels]);
      }
    }
  }
  const Eight lower = SplatEight(range.lower), upper = SplatEight(range.upper);
  SPARSE_OPS_UNROLL
  for (int p = 0; p < kPixels; ++p) {
    Eight y = lower > sums[p] ? lower : sums[p];
    y = upper < y ? upper : y;
    *reinterpret_cast<Eight*>(row.output +
                              (first + p) * row.output_channels +
                              channel * kMultiplierOfStem) = y;
  }
}

void MultiplierEightRow(const WindowRow& row, const float* weights,
                        const float* bias, const Range& range) {
  const Interior interior = InteriorOf(row);
  int64_t x = 0;
  while (x < row.output_width) {
    const bool many =
        x >= interior.begin && x + kDepthwisePixels <= interior.end;
    for (int64_t c = 0; c < row.input_channels; ++c) {
      if (many) {
        MultiplierPixels<kDepthwisePixels>(row, weights, bias, range, x, c);
      } else {
        MultiplierPixels<1>(row, weights, bias, range, x, c);
      }
    }
    x += many ? kDepthwisePixels : 1;
  }
}

// Any multiplier, one float at a time: correct, and not meant to be fast.
void AnyMultiplierRow(const WindowRow& row, const float* weights,
                      const float* bias, const Range& range) {
  const int64_t multiplier = row.output_channels / row.input_channels;
  for (int64_t x = 0; x < row.output_width; ++x) {
    const int64_t left = x * row.stride - row.pad_left;
    const Taps taps = TapsInside(row, left);
    for (int64_t c = 0; c < row.output_channels; ++c) {
      float sum = bias[c];
      for (int64_t ky = 0; ky < row.kernel_height; ++ky) {
        if (row.rows[ky] == nullptr) continue;
        for (int64_t kx = taps.begin; kx < taps.end; ++kx) {
          sum += weights[(ky * row.kernel_width + kx) * row.output_channels +
                         c] *
                 row.rows[ky][(left + kx) * row.input_channels +
                              c / multiplier];
        }
      }
      row.output[x * row.output_channels + c] =
          Clamp(sum, range.lower, range.upper);
    }
  }
}

void DepthwiseRow(const WindowRow& row, const float* weights,
                  const float* bias, const Range& range) {
  if (row.output_channels == row.input_channels) {
    const DepthwiseGroup group = {row, weights, bias, range};
    ForEachChannelGroup(row.output_channels, group);
  } else if (row.output_channels == kMultiplierOfStem * row.input_channels) {
    MultiplierEightRow(row, weights, bias, range);
  } else {
    AnyMultiplierRow(row, weights, bias, range);
  }
}

const int kTileTaps = 9;

// One position's 3x3 result for one group of channels.
template <typename T>
inline T DepthwisePosition(const DepthwiseTile& tile, int64_t position,
                           int64_t channel, const T* weights, const T bias) {
  const float* window = tile.windows[position] + channel;
  T sum = bias;
  if (tile.run_lengths[position] > 0) {
    SPARSE_OPS_UNROLL
    for (int t = 0; t < kTileTaps; ++t) {
      sum = MulAdd(weights[t],
                   Load<T>(window + (t / 3) * tile.image_row_stride +
                           (t % 3) * tile.channels),
                   sum);
    }
    return sum;
  }
  for (int t = 0; t < kTileTaps; ++t) {
    if (!(tile.tap_masks[position] >> t & 1)) continue;
    sum = MulAdd(weights[t],
                 Load<T>(window + (t / 3) * tile.image_row_stride +
                         (t % 3) * tile.channels),
                 sum);
  }
  return sum;
}

const int kRun = 4;

// The results of a run. Neighbouring windows overlap: each input is loaded
// once and serves all of them.
template <int kStride, typename T>
inline void DepthwiseRun(const DepthwiseTile& tile, int64_t position,
                         int64_t channel, const T* weights, const T bias,
                         T* sums) {
  SPARSE_OPS_UNROLL
  for (int p = 0; p < kRun; ++p) sums[p] = bias;
  SPARSE_OPS_UNROLL
  for (int ky = 0; ky < 3; ++ky) {
    const float* row = tile.windows[position] + channel +
                       ky * tile.image_row_stride;
    SPARSE_OPS_UNROLL
    for (int x = 0; x < (kRun - 1) * kStride + 3; ++x) {
      const T input = Load<T>(row + x * tile.channels);
      SPARSE_OPS_UNROLL
      for (int p = 0; p < kRun; ++p) {
        const int kx = x - p * kStride;
        if (kx < 0 || kx > 2) continue;
        sums[p] = MulAdd(weights[ky * 3 + kx], input, sums[p]);
      }
    }
  }
}

struct DepthwiseTileGroup {
  // A copy: vector stores may alias whatever is reached through a pointer, and
  // would have every field loaded again.
  const DepthwiseTile tile;

  template <typename T>
  void Run(int64_t at) const {
    const int width = Width<T>::kValue;
    const DepthwiseTileGroup group = *this;
    const DepthwiseTile& tile = group.tile;
    const int64_t channel = tile.first_channel + at;
    T weights[kTileTaps];
    SPARSE_OPS_UNROLL
    for (int t = 0; t < kTileTaps; ++t) {
      weights[t] = Load<T>(tile.weights + t * tile.channels + channel);
    }
    const T bias = Load<T>(tile.bias + channel);
    const T lower = Splat<T>(tile.range.lower);
    const T upper = Splat<T>(tile.range.upper);
    float* out = tile.panel + at * tile.panel_stride;
    for (int64_t i = 0; i < tile.positions; i += kLanes) {
      float results[kLanes * width] __attribute__((aligned(64)));
      for (int j = 0; j < kLanes;) {
        if (group.FillRun(i + j, channel, weights, bias, lower, upper,
                    results + j * width)) {
          j += kRun;
          continue;
        }
        const T sum =
            DepthwisePosition<T>(tile, i + j, channel, weights, bias);
        Store(results + j * width, Clamp(sum, lower, upper));
        ++j;
      }
      group.StoreColumns(results, out + i, static_cast<T*>(nullptr));
    }
  }

  bool FillRun(int64_t, int64_t, const float*, float, float, float,
               float*) const {
    return false;
  }

  template <typename T>
  bool FillRun(int64_t position, int64_t channel, const T* weights,
               const T bias, const T lower, const T upper,
               float* results) const {
    if (tile.run_lengths[position] < kRun ||
        position % kLanes > kLanes - kRun) {
      return false;
    }
    T sums[kRun];
    if (tile.stride == 1) {
      DepthwiseRun<1>(tile, position, channel, weights, bias, sums);
    } else if (tile.stride == 2) {
      DepthwiseRun<2>(tile, position, channel, weights, bias, sums);
    } else {
      return false;
    }
    SPARSE_OPS_UNROLL
    for (int p = 0; p < kRun; ++p) {
      Store(results + p * Width<T>::kValue, Clamp(sums[p], lower, upper));
    }
    return true;
  }

  // From the channels of each position to the positions of each channel.
  template <typename T>
  void StoreColumns(const float* results, float* out, T*) const {
    const int width = Width<T>::kValue;
    const StridedRows rows = {results, width};
    Vec columns[width];
    SPARSE_OPS_UNROLL
    for (int j = 0; j < width; j += kQuad) {
      TransposeQuad(rows, j, columns + j);
    }
    SPARSE_OPS_UNROLL
    for (int j = 0; j < width; ++j) {
      Store(out + j * tile.panel_stride, columns[j]);
    }
  }

  void StoreColumns(const float* results, float* out, float*) const {
    Store(out, Load<Vec>(results));
  }
};

void ComputeDepthwiseTile(const DepthwiseTile& tile) {
  const DepthwiseTileGroup group = {tile};
  ForEachChannelGroup(tile.channel_count, group);
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_DEPTHWISE_KERNEL_H_
