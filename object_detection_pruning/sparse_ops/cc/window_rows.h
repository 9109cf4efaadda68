// Runs a row kernel over all output rows of an NHWC window op.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_WINDOW_ROWS_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_WINDOW_ROWS_H_

#include <functional>

#include "tensorflow/core/framework/op_kernel.h"
#include "window_attributes.h"

namespace sparse_ops {

struct WindowOperation {
  WindowAttributes attributes;
  int64_t kernel_height;
  int64_t kernel_width;
  int64_t output_channels;
  // Rough processor cycles for one output value, to share work by.
  int64_t cycles_per_output;
};

// Allocates output(0) and calls row_kernel for each of its rows, on the threads
// of TensorFlow's own pool.
void RunWindowRows(tensorflow::OpKernelContext* context,
                   const WindowOperation& operation,
                   const std::function<void(const WindowRow&)>& row_kernel);

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_WINDOW_ROWS_H_
