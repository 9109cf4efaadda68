// The heart: nonzero weights times panel rows.
//
// For each of a pair of output channels a block of `vectors` registers collects
//   bias + sum over its nonzeros of value * panel[row]
// Every multiply-add takes its operand straight from the panel, which is made
// small enough to stay in the first-level cache. A weight costs one broadcast,
// one offset and `vectors` multiply-adds; zeros cost nothing at all.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_SPARSE_PRODUCT_KERNEL_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_SPARSE_PRODUCT_KERNEL_H_

#include "simd.h"

namespace sparse_ops {
namespace {

template <int kVectors>
inline void AddEntry(const SparseEntry& entry, const char* panel, Vec* sums) {
  const float* row = reinterpret_cast<const float*>(panel + entry.byte_offset);
  const Vec value = SplatVec(entry.value);
  SPARSE_OPS_UNROLL
  for (int v = 0; v < kVectors; ++v) {
    sums[v] = MulAdd(value, LoadVec(row + v * kLanes), sums[v]);
  }
}

template <int kVectors, bool kFirst, bool kLast>
void SparseProductOf(const SparseProduct& product) {
  const char* panel = reinterpret_cast<const char*>(product.panel);
  const Vec lower = SplatVec(product.range.lower);
  const Vec upper = SplatVec(product.range.upper);
  const int32_t* channels = product.channels;
  for (int64_t p = 0; p < product.pairs; ++p, channels += 2) {
    const SparseEntry* entry = product.entries + product.pair_begin[p];
    const SparseEntry* const end = product.entries + product.pair_begin[p + 1];
    if (!kFirst && !kLast && entry == end) continue;
    float* outs[2];
    Vec sums[2][kVectors];
    for (int i = 0; i < 2; ++i) {
      outs[i] = product.accumulators +
                (channels[i] - product.first_channel) * product.row_stride;
      SPARSE_OPS_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        sums[i][v] = kFirst ? SplatVec(product.bias[channels[i]])
                            : LoadVec(outs[i] + v * kLanes);
      }
    }
    for (; entry != end; entry += 2) {
      AddEntry<kVectors>(entry[0], panel, sums[0]);
      AddEntry<kVectors>(entry[1], panel, sums[1]);
    }
    for (int i = 0; i < 2; ++i) {
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
      SparseProductOf<7, kFirst, kLast>, SparseProductOf<8, kFirst, kLast>};
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
