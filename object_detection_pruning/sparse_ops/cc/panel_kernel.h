// Moving pixels between NHWC tensors and panels.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_PANEL_KERNEL_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_PANEL_KERNEL_H_

#include "simd.h"

namespace sparse_ops {
namespace {

// A vector of each of four channels, or all of a few channels.
void Gather(const float* const* pixels, int64_t positions,
            int64_t first_channel, int64_t channel_count, float* panel,
            int64_t panel_stride) {
  if (channel_count < kQuad) {
    for (int64_t i = 0; i < positions; ++i) {
      const float* pixel = pixels[i] + first_channel;
      for (int64_t c = 0; c < channel_count; ++c) {
        panel[c * panel_stride + i] = pixel[c];
      }
    }
    return;
  }
  for (int64_t i = 0; i < positions; i += kLanes) {
    const PointerRows rows = {pixels + i};
    for (int64_t c = 0; c < channel_count; c += kQuad) {
      const int64_t at = c + kQuad <= channel_count ? c : channel_count - kQuad;
      Vec columns[kQuad];
      TransposeQuad(rows, first_channel + at, columns);
      float* out = panel + at * panel_stride + i;
      SPARSE_OPS_UNROLL
      for (int j = 0; j < kQuad; ++j) Store(out + j * panel_stride, columns[j]);
    }
  }
}

const int64_t kLineFloats = 16;
const int64_t kPrefetchedFloats = 4 * kLineFloats;

// Outputs are written in short pieces far apart, which no processor foresees.
inline void PrefetchColumn(float* const* pixels, int64_t channel,
                           int64_t channel_count) {
  if (channel >= channel_count || channel % kLineFloats != 0) return;
  for (int i = 0; i < kLanes; ++i) {
    if (pixels[i] != nullptr) __builtin_prefetch(pixels[i] + channel, 1);
  }
}

// Some channels of kLanes positions.
struct ScatteredGroup {
  const float* panel;
  int64_t panel_stride;
  int64_t channel_count;
  float* const* pixels;

  template <typename T>
  void Run(int64_t channel) const {
    PrefetchColumn(pixels, channel + kPrefetchedFloats, channel_count);
    const StridedRows rows = {panel + channel * panel_stride, panel_stride};
    T columns[kLanes];
    SPARSE_OPS_UNROLL
    for (int j = 0; j < kLanes; j += kQuad) {
      TransposeQuad(rows, j, columns + j);
    }
    SPARSE_OPS_UNROLL
    for (int j = 0; j < kLanes; ++j) {
      if (pixels[j] != nullptr) Store(pixels[j] + channel, columns[j]);
    }
  }
};

void Scatter(const float* panel, int64_t panel_stride, int64_t positions,
             int64_t channel_count, float* const* pixels) {
  for (int64_t i = 0; i < positions; i += kLanes) {
    for (int64_t c = 0; c < kPrefetchedFloats; c += kLineFloats) {
      PrefetchColumn(pixels + i, c, channel_count);
    }
    const ScatteredGroup group = {panel + i, panel_stride, channel_count,
                                  pixels + i};
    ForEachChannelGroup(channel_count, group);
  }
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_PANEL_KERNEL_H_
