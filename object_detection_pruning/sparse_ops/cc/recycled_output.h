// Outputs in memory that was that of other outputs before.
//
// Memory that is given back to the system comes again page by page, zeroed, at
// a cost that is several times that of writing it. The C library gives back
// whatever is large, and all that lies free at the end of a run. So large
// outputs are of an allocator of their own, which keeps what is freed for the
// next of them, whichever op that is of.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_RECYCLED_OUTPUT_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_RECYCLED_OUTPUT_H_

#include "tensorflow/core/framework/op_kernel.h"

namespace sparse_ops {

// As OpKernelContext::allocate_output, for floats. Safe to call from several
// threads.
tensorflow::Status AllocateOutput(tensorflow::OpKernelContext* context,
                                  int index,
                                  const tensorflow::TensorShape& shape,
                                  tensorflow::Tensor** output);

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_RECYCLED_OUTPUT_H_
