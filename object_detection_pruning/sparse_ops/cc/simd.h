// The vector types of the instruction set that this file is compiled for.
//
// Everything is in an unnamed namespace, so no symbol of one instruction set can
// be taken for that of another.
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

inline void Store(float* p, Vec4 v) { StoreVec4(p, v); }
inline Vec4 Min(Vec4 a, Vec4 b) { return a < b ? a : b; }
inline Vec4 Max(Vec4 a, Vec4 b) { return a > b ? a : b; }
inline Vec4 Add(Vec4 a, Vec4 b) { return a + b; }
inline Vec4 Sub(Vec4 a, Vec4 b) { return a - b; }
inline Vec4 Mul(Vec4 a, Vec4 b) { return a * b; }
inline Vec4 MulAdd(Vec4 a, Vec4 b, Vec4 sum) { return a * b + sum; }
inline Vec4 UnpackLow(Vec4 a, Vec4 b) { return Shuffle<0, 4, 1, 5>(a, b); }
inline Vec4 UnpackHigh(Vec4 a, Vec4 b) { return Shuffle<2, 6, 3, 7>(a, b); }
inline Vec4 PairsLow(Vec4 a, Vec4 b) { return Shuffle<0, 1, 4, 5>(a, b); }
inline Vec4 PairsHigh(Vec4 a, Vec4 b) { return Shuffle<2, 3, 6, 7>(a, b); }

#if defined(__AVX2__)
inline void Store(float* p, __m256 v) { _mm256_storeu_ps(p, v); }
inline __m256 Min(__m256 a, __m256 b) { return _mm256_min_ps(a, b); }
inline __m256 Max(__m256 a, __m256 b) { return _mm256_max_ps(a, b); }
inline __m256 Add(__m256 a, __m256 b) { return _mm256_add_ps(a, b); }
inline __m256 Sub(__m256 a, __m256 b) { return _mm256_sub_ps(a, b); }
inline __m256 Mul(__m256 a, __m256 b) { return _mm256_mul_ps(a, b); }
inline __m256 MulAdd(__m256 a, __m256 b, __m256 sum) {
  return _mm256_fmadd_ps(a, b, sum);
}
inline __m256 UnpackLow(__m256 a, __m256 b) { return _mm256_unpacklo_ps(a, b); }
inline __m256 UnpackHigh(__m256 a, __m256 b) {
  return _mm256_unpackhi_ps(a, b);
}
inline __m256 PairsLow(__m256 a, __m256 b) {
  return _mm256_castpd_ps(
      _mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)));
}
inline __m256 PairsHigh(__m256 a, __m256 b) {
  return _mm256_castpd_ps(
      _mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)));
}
#endif

#if defined(__AVX512F__)
inline void Store(float* p, __m512 v) { _mm512_storeu_ps(p, v); }
inline __m512 Min(__m512 a, __m512 b) { return _mm512_min_ps(a, b); }
inline __m512 Max(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
inline __m512 Add(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
inline __m512 Sub(__m512 a, __m512 b) { return _mm512_sub_ps(a, b); }
inline __m512 Mul(__m512 a, __m512 b) { return _mm512_mul_ps(a, b); }
inline __m512 MulAdd(__m512 a, __m512 b, __m512 sum) {
  return _mm512_fmadd_ps(a, b, sum);
}
inline __m512 UnpackLow(__m512 a, __m512 b) { return _mm512_unpacklo_ps(a, b); }
inline __m512 UnpackHigh(__m512 a, __m512 b) {
  return _mm512_unpackhi_ps(a, b);
}
inline __m512 PairsLow(__m512 a, __m512 b) {
  return _mm512_castpd_ps(
      _mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}
inline __m512 PairsHigh(__m512 a, __m512 b) {
  return _mm512_castpd_ps(
      _mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
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
struct Width {
  static const int kValue = sizeof(T) / sizeof(float);
};

template <typename T>
inline T Load(const float* p);
template <>
inline float Load<float>(const float* p) { return *p; }
template <>
inline Vec4 Load<Vec4>(const float* p) { return LoadVec4(p); }

template <typename T>
inline T Splat(float x);
template <>
inline float Splat<float>(float x) { return x; }
template <>
inline Vec4 Splat<Vec4>(float x) { return SplatVec4(x); }

// Four floats of each of as many rows as T has lanes: rows i, i + 4, and so on
// in one vector. Inserting from memory keeps the one shuffle port free, which a
// full register transpose would fill.
template <typename T, typename Rows>
struct Quads;
template <typename Rows>
struct Quads<Vec4, Rows> {
  static Vec4 Load(const Rows& rows, int i, int64_t offset) {
    return LoadVec4(rows(i) + offset);
  }
};

#if defined(__AVX2__)
template <>
inline __m256 Load<__m256>(const float* p) { return _mm256_loadu_ps(p); }
template <>
inline __m256 Splat<__m256>(float x) { return _mm256_set1_ps(x); }
template <typename Rows>
struct Quads<__m256, Rows> {
  static __m256 Load(const Rows& rows, int i, int64_t offset) {
    const __m256 v = _mm256_castps128_ps256(_mm_loadu_ps(rows(i) + offset));
    return _mm256_insertf128_ps(v, _mm_loadu_ps(rows(i + 4) + offset), 1);
  }
};
#endif

#if defined(__AVX512F__)
template <>
inline __m512 Load<__m512>(const float* p) { return _mm512_loadu_ps(p); }
template <>
inline __m512 Splat<__m512>(float x) { return _mm512_set1_ps(x); }
template <typename Rows>
struct Quads<__m512, Rows> {
  static __m512 Load(const Rows& rows, int i, int64_t offset) {
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(rows(i) + offset));
    v = _mm512_insertf32x4(v, _mm_loadu_ps(rows(i + 4) + offset), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps(rows(i + 8) + offset), 2);
    return _mm512_insertf32x4(v, _mm_loadu_ps(rows(i + 12) + offset), 3);
  }
};
#endif

// Vec is the widest register. Channels that do not fill it may fill a Half.
#if defined(__AVX512F__)
typedef __m512 Vec;
typedef __m256 Half;
const int kBlockVectors = 6;
// With the vectors of a tile, 28 sums for 32 registers.
const int kGroup = 4;
#elif defined(__AVX2__)
typedef __m256 Vec;
typedef Vec4 Half;
// A group's sums and a value take 13 of the 16 registers; more would not pay
// for the chunks that become shorter.
const int kBlockVectors = 6;
const int kGroup = 2;
#else
typedef Vec4 Vec;
typedef Vec4 Half;
#if defined(__aarch64__)
// 32 registers, as AVX-512 has.
const int kBlockVectors = 6;
const int kGroup = 4;
#else
const int kBlockVectors = 5;
const int kGroup = 2;
#endif
#endif
const int kLanes = Width<Vec>::kValue;
const int kHalfLanes = Width<Half>::kValue;

// The value is the second operand, which is the one that the processor's
// minimum and maximum return for NaN: NaN must come out as NaN.
template <typename T>
inline T Clamp(T value, T lower, T upper) {
  return Min(upper, Max(lower, value));
}

// Calls body.Run<T>(first channel), where T is Vec, Half or float, so that all
// channels from `first` on are covered. The last vector overlaps the one before
// it where the channels are no multiple of its lanes: its results are written
// twice, with equal values.
template <typename Body>
inline void ForEachChannelGroup(int64_t channels, const Body& body,
                                int64_t first = 0) {
  int64_t c = first;
  for (; c + kLanes <= channels; c += kLanes) body.template Run<Vec>(c);
  const int64_t rest = channels - c;
  if (rest == 0) return;
  if (rest > kHalfLanes && channels >= kLanes) {
    body.template Run<Vec>(channels - kLanes);
  } else if (channels >= kHalfLanes) {
    if (rest > kHalfLanes) body.template Run<Half>(c);
    body.template Run<Half>(channels - kHalfLanes);
  } else {
    for (; c < channels; ++c) body.template Run<float>(c);
  }
}

const int kQuad = 4;

// rows(i)[offset + j] for as many rows as T has lanes -> columns[j], j < kQuad.
template <typename T, typename Rows>
inline void TransposeQuad(const Rows& rows, int64_t offset, T* columns) {
  const T a = Quads<T, Rows>::Load(rows, 0, offset);
  const T b = Quads<T, Rows>::Load(rows, 1, offset);
  const T c = Quads<T, Rows>::Load(rows, 2, offset);
  const T d = Quads<T, Rows>::Load(rows, 3, offset);
  const T ab_low = UnpackLow(a, b), ab_high = UnpackHigh(a, b);
  const T cd_low = UnpackLow(c, d), cd_high = UnpackHigh(c, d);
  columns[0] = PairsLow(ab_low, cd_low);
  columns[1] = PairsHigh(ab_low, cd_low);
  columns[2] = PairsLow(ab_high, cd_high);
  columns[3] = PairsHigh(ab_high, cd_high);
}

// A single row is its own column.
template <typename Rows>
inline void TransposeQuad(const Rows& rows, int64_t offset, float* columns) {
  for (int j = 0; j < kQuad; ++j) columns[j] = rows(0)[offset + j];
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
