#include "window_rows.h"

#include <vector>

#include "recycled_output.h"
#include "sharing_out.h"

namespace sparse_ops {

using tensorflow::Tensor;
using tensorflow::TensorShape;

void RunWindowRows(tensorflow::OpKernelContext* context,
                   const WindowOperation& operation,
                   const std::function<void(const WindowRow&)>& row_kernel) {
  const Tensor& input = context->input(0);
  const WindowAttributes& attributes = operation.attributes;
  const int64_t batch = input.dim_size(0), input_height = input.dim_size(1);
  const int64_t input_width = input.dim_size(2), depth = input.dim_size(3);
  Extent height, width;
  OP_REQUIRES_OK(context, attributes.Height(input_height,
                                            operation.kernel_height, &height));
  OP_REQUIRES_OK(context, attributes.Width(input_width,
                                           operation.kernel_width, &width));
  OP_REQUIRES_OK(context,
                 CheckOutputSize(batch, height.output, width.output,
                                 operation.output_channels));
  Tensor* output;
  OP_REQUIRES_OK(context,
                 AllocateOutput(context, 0,
                                TensorShape({batch, height.output, width.output,
                                             operation.output_channels}),
                                &output));
  if (output->NumElements() == 0) return;
  const float* input_data = input.flat<float>().data();
  float* output_data = output->flat<float>().data();
  const int64_t row_size = width.output * operation.output_channels;
  const auto& workers = *context->device()->tensorflow_cpu_worker_threads();
  ShareOut(workers, batch * height.output,
           CyclesPerUnit(batch * height.output,
                         {row_size, operation.cycles_per_output}),
           [&](int64_t first, int64_t last) {
             std::vector<const float*> rows(operation.kernel_height);
             WindowRow row;
             row.rows = rows.data();
             row.kernel_height = operation.kernel_height;
             row.kernel_width = operation.kernel_width;
             row.stride = attributes.stride_width;
             row.pad_left = width.pad_before;
             row.input_width = input_width;
             row.output_width = width.output;
             row.input_channels = depth;
             row.output_channels = operation.output_channels;
             for (int64_t i = first; i < last; ++i) {
               const int64_t image = i / height.output;
               const int64_t top =
                   i % height.output * attributes.stride_height -
                   height.pad_before;
               for (int64_t ky = 0; ky < operation.kernel_height; ++ky) {
                 const int64_t y = top + ky;
                 rows[ky] = y < 0 || y >= input_height
                                ? nullptr
                                : input_data + (image * input_height + y) *
                                                   input_width * depth;
               }
               row.output = output_data + i * row_size;
               row_kernel(row);
             }
           });
}

}  // namespace sparse_ops
