// Runs a sparse convolution: blocks of panels through the sparse product.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_SPARSE_ENGINE_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_SPARSE_ENGINE_H_

#include <vector>

#include "packed_kernel.h"
#include "panel_source.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace sparse_ops {

// Output channels [begin, end) of the kernel, and where they go: `data` is the
// first of them in a tensor of `depth` channels.
struct OutputSlice {
  float* data;
  int64_t depth;
  int64_t begin;
  int64_t end;
};

// A sparse kernel, and what happens to its sums.
struct SparseWeights {
  const KernelShape& shape;
  SparseTensors tensors;
  const float* bias;
  Range range;
  PackedKernelCache* cache;
};

// Reads `constant_weights` of an op: whether its weights are constants.
tensorflow::Status ReadConstancy(tensorflow::OpKernelConstruction* context,
                                 PackedKernelCache* cache);

// Finds the inputs `mask`, `values` and `scales` of an op.
tensorflow::Status FindSparseTensors(tensorflow::OpKernelContext* context,
                                     SparseTensors* tensors);

// Computes all slices, on the threads of TensorFlow's own pool. Without a plan
// there is nothing to compute, but malformed weights are an error all the same.
tensorflow::Status RunSparseConvolution(
    tensorflow::OpKernelContext* context, const PanelPlan* plan,
    const SparseWeights& weights, const Kernels& kernels,
    const std::vector<OutputSlice>& slices);

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_SPARSE_ENGINE_H_
