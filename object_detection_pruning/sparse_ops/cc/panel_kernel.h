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
    for (int64_t c = 0; c < channel_count; c += kLanes) {
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

template <int kVectors>
void CopyPlanesOf(const float* planes, int64_t plane_stride,
                  const int64_t* vector_offsets, int64_t rows, float* panel,
                  int64_t panel_stride) {
  const float* sources[kVectors];
  for (int v = 0; v < kVectors; ++v) sources[v] = planes + vector_offsets[v];
  for (int64_t r = 0; r < rows; ++r) {
    SPARSE_OPS_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      Store(panel + v * kLanes, LoadVec(sources[v]));
      sources[v] += plane_stride;
    }
    panel += panel_stride;
  }
}

void CopyPlanes(const float* planes, int64_t plane_stride,
                const int64_t* vector_offsets, int vectors, int64_t rows,
                float* panel, int64_t panel_stride) {
  typedef void (*Copy)(const float*, int64_t, const int64_t*, int64_t, float*,
                       int64_t);
  static const Copy kCopies[kMaxBlockVectors] = {
      CopyPlanesOf<1>, CopyPlanesOf<2>, CopyPlanesOf<3>, CopyPlanesOf<4>,
      CopyPlanesOf<5>, CopyPlanesOf<6>, CopyPlanesOf<7>, CopyPlanesOf<8>};
  kCopies[vectors - 1](planes, plane_stride, vector_offsets, rows, panel,
                       panel_stride);
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_PANEL_KERNEL_H_
