// Moving pixels between NHWC tensors and panels.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_PANEL_KERNEL_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_PANEL_KERNEL_H_

#include "simd.h"

namespace sparse_ops {
namespace {

void Gather(const float* const* pixels, int64_t positions,
            int64_t first_channel, int64_t channel_count, float* panel,
            int64_t panel_stride) {
  if (channel_count < kLanes) {
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
    for (int64_t c = 0; c < channel_count; c += kLanes) {
      const int64_t at =
          c + kLanes <= channel_count ? c : channel_count - kLanes;
      Vec columns[kLanes];
      Transpose(rows, first_channel + at, columns);
      float* out = panel + at * panel_stride + i;
      SPARSE_OPS_UNROLL
      for (int j = 0; j < kLanes; ++j) Store(out + j * panel_stride, columns[j]);
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

void Scatter(const float* panel, int64_t panel_stride, int64_t positions,
             int64_t channel_count, float* const* pixels) {
  if (channel_count < kLanes) {
    for (int64_t i = 0; i < positions; ++i) {
      if (pixels[i] == nullptr) continue;
      for (int64_t c = 0; c < channel_count; ++c) {
        pixels[i][c] = panel[c * panel_stride + i];
      }
    }
    return;
  }
  for (int64_t i = 0; i < positions; i += kLanes) {
    float* const* out = pixels + i;
    for (int64_t c = 0; c < kPrefetchedFloats; c += kLineFloats) {
      PrefetchColumn(out, c, channel_count);
    }
    for (int64_t c = 0; c < channel_count; c += kLanes) {
      PrefetchColumn(out, c + kPrefetchedFloats, channel_count);
      const int64_t at =
          c + kLanes <= channel_count ? c : channel_count - kLanes;
      const StridedRows rows = {panel + at * panel_stride + i, panel_stride};
      Vec columns[kLanes];
      Transpose(rows, 0, columns);
      SPARSE_OPS_UNROLL
      for (int j = 0; j < kLanes; ++j) {
        if (out[j] != nullptr) Store(out[j] + at, columns[j]);
      }
    }
  }
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_PANEL_KERNEL_H_
