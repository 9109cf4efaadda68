// The heart: nonzero weights times panel rows.
//
// For each output channel of a group a block of `vectors` registers collects
//   bias + sum over its nonzeros of value * panel[row]
// Every multiply-add takes its operand straight from the panel, which is made
// small enough to stay in the first-level cache. A weight costs one broadcast,
// its share of a load of offsets, and `vectors` multiply-adds; zeros cost
// nothing at all.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_SPARSE_PRODUCT_KERNEL_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_SPARSE_PRODUCT_KERNEL_H_

#include "simd.h"

namespace sparse_ops {
namespace {

template <int kVectors>
inline void AddRow(float weight, const char* row_bytes, Vec* sums) {
  const float* row = reinterpret_cast<const float*>(row_bytes);
  const Vec value = Splat<Vec>(weight);
  SPARSE_OPS_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    sums[v] = MulAdd(value, Load<Vec>(row + v * kLanes), sums[v]);
  }
}

static_assert(kLanes <= kMostLanes && kBlockVectors <= kMaxBlockVectors,
              "panels must fit what offsets and products can do");

// The offsets of a step, the first in the lowest bits. One load in place of
// kGroup: loads are what the product is bound by.
inline uint64_t LoadOffsets(const uint16_t* offsets) {
  uint64_t all = 0;
  __builtin_memcpy(&all, offsets, kGroup * sizeof(uint16_t));
  return all;
}

template <int kVectors, bool kFirst, bool kLast>
void SparseProductOf(const SparseProduct& product) {
  const char* panel = reinterpret_cast<const char*>(product.panel);
  const Vec lower = Splat<Vec>(product.range.lower);
  const Vec upper = Splat<Vec>(product.range.upper);
  const int32_t* channels = product.channels;
  for (int64_t g = 0; g < product.groups; ++g, channels += kGroup) {
    const int64_t begin = product.group_begin[g];
    const int64_t end = product.group_begin[g + 1];
    if (!kFirst && !kLast && begin == end) continue;
    float* outs[kGroup];
    Vec sums[kGroup][kVectors];
    SPARSE_OPS_UNROLL
    for (int i = 0; i < kGroup; ++i) {
      outs[i] = product.accumulators +
                (channels[i] - product.first_channel) * product.row_stride;
      SPARSE_OPS_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        sums[i][v] = kFirst ? Splat<Vec>(product.bias[channels[i]])
                            : Load<Vec>(outs[i] + v * kLanes);
      }
    }
    const float* values = product.values + begin * kGroup;
    const float* const last = product.values + end * kGroup;
    const uint16_t* offsets = product.offsets + begin * kGroup;
    for (; values != last; values += kGroup, offsets += kGroup) {
      uint64_t at = LoadOffsets(offsets);
      SPARSE_OPS_UNROLL
      for (int i = 0; i < kGroup; ++i, at >>= 16) {
        AddRow<kVectors>(values[i], panel + (at & 0xffff) * kPlaceBytes,
                         sums[i]);
      }
    }
    SPARSE_OPS_UNROLL
    for (int i = 0; i < kGroup; ++i) {
      SPARSE_OPS_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        Store(outs[i] + v * kLanes,
              kLast ? Clamp(sums[i][v], lower, upper) : sums[i][v]);
      }
    }
  }
}

template <bool kFirst, bool kLast>
void SparseProductFor(int vectors, const SparseProduct& product) {
  typedef void (*Multiply)(const SparseProduct&);
  static const Multiply kMultiplies[kMaxBlockVectors] = {
      SparseProductOf<1, kFirst, kLast>, SparseProductOf<2, kFirst, kLast>,
      SparseProductOf<3, kFirst, kLast>, SparseProductOf<4, kFirst, kLast>,
      SparseProductOf<5, kFirst, kLast>, SparseProductOf<6, kFirst, kLast>,
      SparseProductOf<7, kFirst, kLast>};
  kMultiplies[vectors - 1](product);
}

void MultiplySparse(int vectors, bool first, bool last,
                    const SparseProduct& product) {
  if (first && last) {
    SparseProductFor<true, true>(vectors, product);
  } else if (first) {
    SparseProductFor<true, false>(vectors, product);
  } else if (last) {
    SparseProductFor<false, true>(vectors, product);
  } else {
    SparseProductFor<false, false>(vectors, product);
  }
}

}  // namespace
}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_SPARSE_PRODUCT_KERNEL_H_
