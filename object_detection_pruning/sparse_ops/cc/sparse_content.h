// A sparse kernel as it is stored: its tensors, a copy of them, and checks.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_SPARSE_CONTENT_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_SPARSE_CONTENT_H_

#include <stdint.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/lib/core/status.h"

namespace sparse_ops {

struct KernelShape {
  int64_t height = 1;
  int64_t width = 1;
  int64_t inputs = 1;
  int64_t outputs = 1;

  int64_t taps() const { return height * width; }
  int64_t rows() const { return taps() * inputs; }
  int64_t weights() const { return rows() * outputs; }
};

// Four positive sizes (or two: inputs, outputs) whose product fits in 31 bits.
// The memory that a thread works in grows with the taps and with the channels, so
// each has a bound of its own, far beyond any real kernel.
tensorflow::Status ReadKernelShape(const std::vector<tensorflow::int32>& sizes,
                                   size_t expected, KernelShape* shape);

// The tensors of a sparse kernel.
struct SparseTensors {
  // uint8, bit i % 8 of byte i / 8 is set where weight i is stored.
  const tensorflow::Tensor* mask = nullptr;
  // The stored weights in order: floats, or int8 multiples of `scales`.
  const tensorflow::Tensor* values = nullptr;
  // A float for each output channel; null where values are floats.
  const tensorflow::Tensor* scales = nullptr;
};

// A copy of a sparse kernel. Another op may change the tensors in place while
// they are read; what was checked must be what is decoded.
struct SparseContent {
  std::vector<tensorflow::uint8> mask;
  std::vector<char> values;  // floats, or bytes with scales
  std::vector<float> scales;

  bool in_bytes() const { return !scales.empty(); }
  int64_t value_count() const {
    return values.size() / (in_bytes() ? 1 : sizeof(float));
  }
};

SparseContent Copy(const SparseTensors& tensors);

// Differs where a bit of the content does, for all that can be told.
uint64_t Fingerprint(const SparseTensors& tensors);
uint64_t Fingerprint(const SparseContent& content);

tensorflow::Status CheckShapes(const KernelShape& shape,
                               const SparseTensors& tensors);
tensorflow::Status CheckContent(const KernelShape& shape,
                                const SparseContent& content);

// The stored weights in order. The content must have been checked.
std::vector<float> Decode(const KernelShape& shape,
                          const SparseContent& content);

// Calls visit(i) for every set bit i < count, in order.
template <typename Visit>
void ForEachSetBit(const tensorflow::uint8* mask, int64_t count,
                   const Visit& visit) {
  const int64_t bytes = (count + 7) / 8;
  for (int64_t at = 0; at < bytes; at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, mask + at, std::min<int64_t>(8, bytes - at));
    while (word != 0) {
      visit(at * 8 + __builtin_ctzll(word));
      word &= word - 1;
    }
  }
}

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_SPARSE_CONTENT_H_
