#include "picture_rows.h"

#include <emmintrin.h>

namespace sparse_ops {
namespace {

const int kVector = 4;
const int kVectors = PictureStep::kPeriod / kVector;

struct Plus {
  static __m128 Do(__m128 a, __m128 b) { return _mm_add_ps(a, b); }
};
struct Minus {
  static __m128 Do(__m128 a, __m128 b) { return _mm_sub_ps(a, b); }
};
struct Times {
  static __m128 Do(__m128 a, __m128 b) { return _mm_mul_ps(a, b); }
};

template <typename Op>
void DoStep(const float* constants, int64_t count, float* values) {
  __m128 vectors[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    vectors[v] = _mm_loadu_ps(constants + v * kVector);
  }
  int64_t i = 0;
  for (; i + PictureStep::kPeriod <= count; i += PictureStep::kPeriod) {
    for (int v = 0; v < kVectors; ++v) {
      float* place = values + i + v * kVector;
      _mm_storeu_ps(place, Op::Do(_mm_loadu_ps(place), vectors[v]));
    }
  }
  for (int j = 0; i < count; ++i, ++j) {
    _mm_store_ss(values + i, Op::Do(_mm_load_ss(values + i),
                                    _mm_load_ss(constants + j)));
  }
}

__m128 Blend(__m128 a, __m128 b, __m128 weight) {
  return _mm_add_ps(a, _mm_mul_ps(_mm_sub_ps(b, a), weight));
}

}  // namespace

void DoSteps(const std::vector<PictureStep>& steps, int64_t count,
             float* values) {
  for (const PictureStep& step : steps) {
    switch (step.op) {
      case '+':
        DoStep<Plus>(step.values, count, values);
        break;
      case '-':
        DoStep<Minus>(step.values, count, values);
        break;
      default:
        DoStep<Times>(step.values, count, values);
    }
  }
}

void ResizeRow(const float* row, const std::vector<Between>& columns,
               float* output) {
  for (const Between& x : columns) {
    // A pixel, and a float of the next one, which the next pixel overwrites.
    const __m128 left = _mm_loadu_ps(row + x.lower * kPictureChannels);
    const __m128 right = _mm_loadu_ps(row + x.upper * kPictureChannels);
    _mm_storeu_ps(output, Blend(left, right, _mm_set1_ps(x.weight)));
    output += kPictureChannels;
  }
}

void BlendRows(const float* top, const float* bottom, float weight,
               int64_t count, float* output) {
  const __m128 weights = _mm_set1_ps(weight);
  int64_t i = 0;
  for (; i + kVector <= count; i += kVector) {
    _mm_storeu_ps(output + i, Blend(_mm_loadu_ps(top + i),
                                    _mm_loadu_ps(bottom + i), weights));
  }
  for (; i < count; ++i) {
    _mm_store_ss(output + i, Blend(_mm_load_ss(top + i),
                                   _mm_load_ss(bottom + i), weights));
  }
}

}  // namespace sparse_ops
