// FastPool: max and average pooling, as TensorFlow's but vectorised.
#include "isa.h"
#include "tensorflow/core/framework/op.h"
#include "window_rows.h"

namespace sparse_ops {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Status;
using tensorflow::Tensor;
using tensorflow::errors::InvalidArgument;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

namespace {

Status PoolShape(InferenceContext* context) {
  WindowAttributes attributes;
  std::vector<tensorflow::int32> kernel_size;
  ShapeHandle input;
  TF_RETURN_IF_ERROR(ReadWindowAttributes(context, &attributes));
  TF_RETURN_IF_ERROR(ReadSize(context, "kernel_size", &kernel_size));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(0), 4, &input));
  return SetWindowShape(context, 0, attributes,
                        context->MakeDim(kernel_size[0]),
                        context->MakeDim(kernel_size[1]),
                        context->Dim(input, 3));
}

class FastPool : public tensorflow::OpKernel {
 public:
  explicit FastPool(OpKernelConstruction* context) : OpKernel(context) {
    std::string method;
    OP_REQUIRES_OK(context, ReadWindowAttributes(context, &attributes_));
    OP_REQUIRES_OK(context, ReadSize(context, "kernel_size", &kernel_size_));
    OP_REQUIRES_OK(context, context->GetAttr("method", &method));
    is_max_ = method == "max";
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& input = context->input(0);
    OP_REQUIRES(context, input.dims() == 4,
                InvalidArgument("input must have 4 dimensions, got ",
                                input.shape().DebugString()));
    OP_REQUIRES(context,
                attributes_.padding != "EXPLICIT" ||
                    (input.dim_size(1) > 0 && input.dim_size(2) > 0),
                InvalidArgument("padding alone cannot be pooled, got ",
                                input.shape().DebugString()));
    const int64_t taps = int64_t{kernel_size_[0]} * kernel_size_[1];
    const WindowOperation operation = {attributes_, kernel_size_[0],
                                       kernel_size_[1], input.dim_size(3),
                                       taps / 8 + 1};
    const Kernels& kernels = PickKernels();
    const auto pool_row =
        is_max_ ? kernels.max_pool_row : kernels.average_pool_row;
    RunWindowRows(context, operation, pool_row);
  }

 private:
  WindowAttributes attributes_;
  std::vector<tensorflow::int32> kernel_size_;
  bool is_max_;
};

}  // namespace

REGISTER_OP("FastPool")
    .Input("input: float")
    .Output("output: float")
    .Attr("method: {'max', 'average'}")
    .Attr("kernel_size: list(int)")
    .Attr("strides: list(int)")
    .Attr("padding: {'SAME', 'VALID', 'EXPLICIT'}")
    .Attr("explicit_paddings: list(int) = []")
    .SetShapeFn(PoolShape)
    .Doc(R"doc(
Max or average pooling over height and width. Padding never counts.
)doc");

REGISTER_KERNEL_BUILDER(Name("FastPool").Device(tensorflow::DEVICE_CPU),
                        FastPool);

}  // namespace sparse_ops
