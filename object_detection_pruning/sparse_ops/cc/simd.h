// The vector type of the instruction set that this file is compiled for.
//
// Vec is the widest float register. Everything is in an unnamed namespace, so
// no symbol of one instruction set can be taken for that of another.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_SIMD_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_SIMD_H_

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kernels.h"
#include "vec4.h"

// GCC's own AVX-512 header starts from deliberately undefined registers, and
// warns about them; vector types as template arguments lose an attribute that
// is of no use there; and a vector wider than the registers of the baseline
// has no calling convention, which inlined functions do not need.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wignored-attributes"
#pragma GCC diagnostic ignored "-Wpsabi"

#define SPARSE_OPS_UNROLL _Pragma("GCC unroll 16")

namespace sparse_ops {
namespace {

#if defined(__AVX512F__)

typedef __m512 Vec;
const int kLanes = 16;
const int kBlockVectors = 6;
// With the vectors of a tile, 28 sums for 32 registers.
const int kGroup = 4;

inline Vec LoadVec(const float* p) { return _mm512_loadu_ps(p); }
inline void Store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
inline Vec SplatVec(float x) { return _mm512_set1_ps(x); }
inline Vec Min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
inline Vec Max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec Add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec Sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
inline Vec Mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
inline Vec MulAdd(Vec a, Vec b, Vec sum) { return _mm512_fmadd_ps(a, b, sum); }
inline Vec UnpackLow(Vec a, Vec b) { return _mm512_unpacklo_ps(a, b); }
inline Vec UnpackHigh(Vec a, Vec b) { return _mm512_unpackhi_ps(a, b); }
inline Vec PairsLow(Vec a, Vec b) {
  return _mm512_castpd_ps(
      _mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}
inline Vec PairsHigh(Vec a, Vec b) {
  return _mm512_castpd_ps(
      _mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}
// Four floats from each of rows i, i + 4, i + 8, i + 12. Inserting from memory
// keeps the one shuffle port free, which a full register transpose would fill.
template <typename Rows>
inline Vec LoadQuads(const Rows& rows, int i, int64_t offset) {
  Vec v = _mm512_castps128_ps512(_mm_loadu_ps(rows(i) + offset));
  v = _mm512_insertf32x4(v, _mm_loadu_ps(rows(i + 4) + offset), 1);
  v = _mm512_insertf32x4(v, _mm_loadu_ps(rows(i + 8) + offset), 2);
  return _mm512_insertf32x4(v, _mm_loadu_ps(rows(i + 12) + offset), 3);
}

#elif defined(__AVX2__)

typedef __m256 Vec;
const int kLanes = 8;
// A group's sums and a value take 13 of the 16 registers; more would not pay
// for the chunks that become shorter.
const int kBlockVectors = 6;
const int kGroup = 2;

inline Vec LoadVec(const float* p) { return _mm256_loadu_ps(p); }
inline void Store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
inline Vec SplatVec(float x) { return _mm256_set1_ps(x); }
inline Vec Min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline Vec Max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec Add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
inline Vec Sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
inline Vec Mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
inline Vec MulAdd(Vec a, Vec b, Vec sum) { return _mm256_fmadd_ps(a, b, sum); }
inline Vec UnpackLow(Vec a, Vec b) { return _mm256_unpacklo_ps(a, b); }
inline Vec UnpackHigh(Vec a, Vec b) { return _mm256_unpackhi_ps(a, b); }
inline Vec PairsLow(Vec a, Vec b) {
  return _mm256_castpd_ps(
      _mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)));
}
inline Vec PairsHigh(Vec a, Vec b) {
  return _mm256_castpd_ps(
      _mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)));
}
template <typename Rows>
inline Vec LoadQuads(const Rows& rows, int i, int64_t offset) {
  const Vec low = _mm256_castps128_ps256(_mm_loadu_ps(rows(i) + offset));
  return _mm256_insertf128_ps(low, _mm_loadu_ps(rows(i + 4) + offset), 1);
}

#else

typedef Vec4 Vec;
const int kLanes = 4;
#if defined(__aarch64__)
// 32 registers, as AVX-512 has.
const int kBlockVectors = 6;
const int kGroup = 4;
#else
const int kBlockVectors = 5;
const int kGroup = 2;
#endif

inline Vec LoadVec(const float* p) { return LoadVec4(p); }
inline void Store(float* p, Vec v) { StoreVec4(p, v); }
inline Vec SplatVec(float x) { return SplatVec4(x); }
inline Vec Min(Vec a, Vec b) { return a < b ? a : b; }
inline Vec Max(Vec a, Vec b) { return a > b ? a : b; }
inline Vec Add(Vec a, Vec b) { return a + b; }
inline Vec Sub(Vec a, Vec b) { return a - b; }
inline Vec Mul(Vec a, Vec b) { return a * b; }
inline Vec MulAdd(Vec a, Vec b, Vec sum) { return a * b + sum; }
inline Vec UnpackLow(Vec a, Vec b) { return Shuffle<0, 4, 1, 5>(a, b); }
inline Vec UnpackHigh(Vec a, Vec b) { return Shuffle<2, 6, 3, 7>(a, b); }
inline Vec PairsLow(Vec a, Vec b) { return Shuffle<0, 1, 4, 5>(a, b); }
inline Vec PairsHigh(Vec a, Vec b) { return Shuffle<2, 3, 6, 7>(a, b); }
template <typename Rows>
inline Vec LoadQuads(const Rows& rows, int i, int64_t offset) {
  return LoadVec4(rows(i) + offset);
}

#endif

// The same operations on one float, so that a kernel written once over T also
// serves tensors with fewer channels than lanes.
inline void Store(float* p, float v) { *p = v; }
inline float Min(float a, float b) { return a < b ? a : b; }
inline float Max(float a, float b) { return a > b ? a : b; }
inline float Add(float a, float b) { return a + b; }
inline float Sub(float a, float b) { return a - b; }
inline float Mul(float a, float b) { return a * b; }
inline float MulAdd(float a, float b, float sum) { return a * b + sum; }

template <typename T>
struct Width;
template <>
struct Width<Vec> {
  static const int kValue = kLanes;
};
template <>
struct Width<float> {
  static const int kValue = 1;
};

template <typename T>
inline T Load(const float* p);
template <>
inline Vec Load<Vec>(const float* p) { return LoadVec(p); }
template <>
inline float Load<float>(const float* p) { return *p; }

template <typename T>
inline T Splat(float x);
template <>
inline Vec Splat<Vec>(float x) { return SplatVec(x); }
template <>
inline float Splat<float>(float x) { return x; }

// The value is the second operand, which is the one that the processor's
// minimum and maximum return for NaN: NaN must come out as NaN.
template <typename T>
inline T Clamp(T value, T lower, T upper) {
  return Min(upper, Max(lower, value));
}

// Calls body(first channel, Vec or float tag) so that all channels are
// covered. The last vector overlaps the one before it where the channels are
// no multiple of the lanes: its results are written twice, with equal values.
template <typename Body>
inline void ForEachChannelGroup(int64_t channels, const Body& body) {
  if (channels < kLanes) {
    for (int64_t c = 0; c < channels; ++c) body.template Run<float>(c);
    return;
  }
  for (int64_t c = 0; c < channels; c += kLanes) {
    body.template Run<Vec>(c + kLanes <= channels ? c : channels - kLanes);
  }
}

// rows(i)[offset + j] for kLanes rows i -> columns[j], j < kLanes.
template <typename Rows>
inline void Transpose(const Rows& rows, int64_t offset, Vec* columns) {
  SPARSE_OPS_UNROLL
  for (int j = 0; j < kLanes; j += 4) {
    const Vec a = LoadQuads(rows, 0, offset + j);
    const Vec b = LoadQuads(rows, 1, offset + j);
    const Vec c = LoadQuads(rows, 2, offset + j);
    const Vec d = LoadQuads(rows, 3, offset + j);
    const Vec ab_low = UnpackLow(a, b), ab_high = UnpackHigh(a, b);
    const Vec cd_low = UnpackLow(c, d), cd_high = UnpackHigh(c, d);
    columns[j] = PairsLow(ab_low, cd_low);
    columns[j + 1] = PairsHigh(ab_low, cd_low);
    columns[j + 2] = PairsLow(ab_high, cd_high);
    columns[j + 3] = PairsHigh(ab_high, cd_high);
  }
}

struct PointerRows {
  const float* const* pointers;
  const float* operator()(int i) const { return pointers[i]; }
};

struct StridedRows {
  const float* base;
  int64_t stride;
  const float* operator()(int i) const { return base + i * stride; }
};

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_SIMD_H_
