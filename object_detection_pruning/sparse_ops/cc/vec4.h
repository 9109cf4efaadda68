// Four floats, as the compiler's own vectors: SSE on x86-64, NEON on ARM, and
// plain registers on other processors.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_VEC4_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_VEC4_H_

#include <stdint.h>
#include <string.h>

namespace sparse_ops {
namespace {

typedef float Vec4 __attribute__((vector_size(16)));

inline Vec4 LoadVec4(const float* p) {
  Vec4 v;
  memcpy(&v, p, sizeof(v));
  return v;
}

inline void StoreVec4(float* p, Vec4 v) { memcpy(p, &v, sizeof(v)); }

inline Vec4 SplatVec4(float x) {
  const Vec4 v = {x, x, x, x};
  return v;
}

// The lanes of a have the numbers 0 to 3, those of b 4 to 7.
template <int i, int j, int k, int l>
inline Vec4 Shuffle(Vec4 a, Vec4 b) {
  typedef int32_t Lanes __attribute__((vector_size(16)));
  const Lanes lanes = {i, j, k, l};
  return __builtin_shuffle(a, b, lanes);
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_VEC4_H_
