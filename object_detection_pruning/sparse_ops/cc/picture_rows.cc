#include "picture_rows.h"

#include "vec4.h"

namespace sparse_ops {
namespace {

const int kVector = 4;
const int kVectors = PictureStep::kPeriod / kVector;

struct Plus {
  template <typename T>
  static T Do(T a, T b) { return a + b; }
};
struct Minus {
  template <typename T>
  static T Do(T a, T b) { return a - b; }
};
struct Times {
  template <typename T>
  static T Do(T a, T b) { return a * b; }
};

template <typename Op>
void DoStep(const float* constants, int64_t count, float* values) {
  Vec4 vectors[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    vectors[v] = LoadVec4(constants + v * kVector);
  }
  int64_t i = 0;
  for (; i + PictureStep::kPeriod <= count; i += PictureStep::kPeriod) {
    for (int v = 0; v < kVectors; ++v) {
      float* place = values + i + v * kVector;
      StoreVec4(place, Op::Do(LoadVec4(place), vectors[v]));
    }
  }
  for (int j = 0; i < count; ++i, ++j) {
    values[i] = Op::Do(values[i], constants[j]);
  }
}

template <typename T>
T Blend(T a, T b, T weight) {
  return a + (b - a) * weight;
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
    const Vec4 left = LoadVec4(row + x.lower * kPictureChannels);
    const Vec4 right = LoadVec4(row + x.upper * kPictureChannels);
    StoreVec4(output, Blend(left, right, SplatVec4(x.weight)));
    output += kPictureChannels;
  }
}

void BlendRows(const float* top, const float* bottom, float weight,
               int64_t count, float* output) {
  const Vec4 weights = SplatVec4(weight);
  int64_t i = 0;
  for (; i + kVector <= count; i += kVector) {
    StoreVec4(output + i,
              Blend(LoadVec4(top + i), LoadVec4(bottom + i), weights));
  }
  for (; i < count; ++i) output[i] = Blend(top[i], bottom[i], weight);
}

}  // namespace sparse_ops
