// FastCast: a picture's bytes as floats, which TensorFlow casts one by one.
#include "isa.h"
#include "recycled_output.h"
#include "sharing_out.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"

namespace sparse_ops {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;

namespace {

// For one value, rounded up.
const int64_t kCycles = 1;

class FastCast : public tensorflow::OpKernel {
 public:
  explicit FastCast(OpKernelConstruction* context) : OpKernel(context) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& input = context->input(0);
    Tensor* output;
    OP_REQUIRES_OK(context,
                   AllocateOutput(context, 0, input.shape(), &output));
    const uint8_t* input_data = input.flat<tensorflow::uint8>().data();
    float* output_data = output->flat<float>().data();
    const Kernels& kernels = PickKernels();
    const auto& workers = *context->device()->tensorflow_cpu_worker_threads();
    ShareOut(workers, input.NumElements(), kCycles,
             [&](int64_t first, int64_t last) {
               kernels.cast_bytes(input_data + first, last - first,
                                  output_data + first);
             });
  }
};

}  // namespace

REGISTER_OP("FastCast")
    .Input("input: uint8")
    .Output("output: float")
    .SetShapeFn(tensorflow::shape_inference::UnchangedShape)
    .Doc(R"doc(
Cast from uint8 to float.
)doc");

REGISTER_KERNEL_BUILDER(Name("FastCast").Device(tensorflow::DEVICE_CPU),
                        FastCast);

}  // namespace sparse_ops
