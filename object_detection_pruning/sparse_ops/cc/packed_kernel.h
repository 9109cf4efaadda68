// Sparse weights in the order in which the sparse product reads them.
//
// A kernel [height, width, inputs, outputs] is a matrix of height * width *
// inputs rows and `outputs` columns. Its rows are cut into chunks whose panel
// stays in the first-level cache. Each chunk holds, per output channel, the
// list of its nonzeros. A chunk consists of segments: a range of input
// channels under one tap, which is what a panel source fills at once.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_PACKED_KERNEL_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_PACKED_KERNEL_H_

#include <map>
#include <memory>
#include <vector>

#include "kernels.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/lib/core/status.h"
#include "tensorflow/core/platform/mutex.h"

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
tensorflow::Status ReadKernelShape(const std::vector<tensorflow::int32>& sizes,
                                   size_t expected, KernelShape* shape);

struct Segment {
  int64_t tap;
  int64_t first_channel;
  int64_t channel_count;
  int64_t panel_row;
};

struct PackedKernel {
  int64_t chunk_rows = 0;  // the most panel rows of a chunk
  std::vector<Segment> segments;
  std::vector<int64_t> chunk_segments;  // chunk c: [c] .. [c + 1]
  std::vector<int32_t> row_begin;       // chunk c, output o: c * (outputs+1) + o
  std::vector<SparseEntry> entries;

  int64_t chunks() const { return chunk_segments.size() - 1; }
};

// Decodes mask and values once per block width, and keeps the result for as
// long as the same tensors come in. Safe to call from several threads.
class PackedKernelCache {
 public:
  // mask: uint8, bit i % 8 of byte i / 8 is set where weight i is nonzero.
  // values: the nonzeros in order. block_width: positions per panel row.
  tensorflow::Status Get(const KernelShape& shape,
                         const tensorflow::Tensor& mask,
                         const tensorflow::Tensor& values, int lanes,
                         int64_t block_width,
                         std::shared_ptr<const PackedKernel>* packed);

 private:
  tensorflow::mutex mutex_;
  // Held, so that their memory cannot be handed to other tensors.
  tensorflow::Tensor mask_;
  tensorflow::Tensor values_;
  std::map<int64_t, std::shared_ptr<const PackedKernel>> packed_;
};

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_PACKED_KERNEL_H_
