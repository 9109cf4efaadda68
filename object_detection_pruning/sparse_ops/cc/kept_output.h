// An output whose memory a kernel keeps from run to run.
//
// Memory that is given back to the system comes again page by page, zeroed, at
// a cost that is several times that of writing it. The allocator gives back
// whatever is large, and all that lies free at the end of a run.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_KEPT_OUTPUT_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_KEPT_OUTPUT_H_

#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/platform/mutex.h"

namespace sparse_ops {

class KeptOutput {
 public:
  // As OpKernelContext::allocate_output, for floats. Small outputs are not
  // kept. Safe to call from several threads: one that comes while another, or
  // whoever reads the output, still has the memory gets memory of its own.
  tensorflow::Status Allocate(tensorflow::OpKernelContext* context, int index,
                              const tensorflow::TensorShape& shape,
                              tensorflow::Tensor** output);

 private:
  // Whether nobody but this object holds the memory.
  bool IsFree() const;

  tensorflow::mutex mutex_;
  tensorflow::Tensor kept_;
};

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_KEPT_OUTPUT_H_
