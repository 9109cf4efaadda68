// One output pixel of a bilinear resize, or the maximum of several: a crop that
// is pooled at once is never written to memory.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_BILINEAR_KERNEL_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_BILINEAR_KERNEL_H_

#include "simd.h"

namespace sparse_ops {
namespace {

struct BilinearGroup {
  const BilinearSample* samples;
  int count;
  float extrapolation;
  float* output;

  template <typename T>
  T Interpolate(const BilinearSample& sample, int64_t c) const {
    if (sample.top_left == nullptr) return Splat<T>(extrapolation);
    const T x_weight = Splat<T>(sample.x_weight);
    const T top_left = Load<T>(sample.top_left + c);
    const T bottom_left = Load<T>(sample.bottom_left + c);
    const T top =
        MulAdd(Sub(Load<T>(sample.top_right + c), top_left), x_weight,
               top_left);
    const T bottom =
        MulAdd(Sub(Load<T>(sample.bottom_right + c), bottom_left), x_weight,
               bottom_left);
    return MulAdd(Sub(bottom, top), Splat<T>(sample.y_weight), top);
  }

  template <typename T>
  void Run(int64_t channel) const {
    T result = Interpolate<T>(samples[0], channel);
    for (int i = 1; i < count; ++i) {
      result = Max(result, Interpolate<T>(samples[i], channel));
    }
    Store(output + channel, result);
  }
};

void BilinearMax(const BilinearSample* samples, int count, float extrapolation,
             int64_t channels, float* output) {
  const BilinearGroup group = {samples, count, extrapolation, output};
  ForEachChannelGroup(channels, group);
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_BILINEAR_KERNEL_H_
