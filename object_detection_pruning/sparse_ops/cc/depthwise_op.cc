// FusedDepthwiseConv2D: depthwise convolution, bias and activation in one op.
#include "isa.h"
#include "tensorflow/core/framework/op.h"
#include "window_rows.h"

namespace sparse_ops {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Status;
using tensorflow::Tensor;
using tensorflow::errors::InvalidArgument;
using tensorflow::shape_inference::DimensionHandle;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

namespace {

Status DepthwiseShape(InferenceContext* context) {
  WindowAttributes attributes;
  ShapeHandle weights;
  DimensionHandle depth;
  TF_RETURN_IF_ERROR(ReadWindowAttributes(context, &attributes));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(1), 4, &weights));
  TF_RETURN_IF_ERROR(context->Multiply(context->Dim(weights, 2),
                                       context->Dim(weights, 3), &depth));
  return SetWindowShape(context, 0, attributes, context->Dim(weights, 0),
                        context->Dim(weights, 1), depth);
}

class FusedDepthwiseConv2D : public tensorflow::OpKernel {
 public:
  explicit FusedDepthwiseConv2D(OpKernelConstruction* context)
      : OpKernel(context) {
    OP_REQUIRES_OK(context, ReadWindowAttributes(context, &attributes_));
    OP_REQUIRES_OK(context, ReadActivation(context, "activation", &range_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& input = context->input(0);
    const Tensor& weights = context->input(1);
    const Tensor& bias = context->input(2);
    OP_REQUIRES(context, weights.dims() == 4 && weights.NumElements() > 0,
                InvalidArgument("weights must be [height, width, channels, "
                                "multiplier], got ",
                                weights.shape().DebugString()));
    OP_REQUIRES(context,
                input.dims() == 4 && input.dim_size(3) == weights.dim_size(2),
                InvalidArgument("input must be [batch, height, width, ",
                                weights.dim_size(2), "], got ",
                                input.shape().DebugString()));
    const int64_t outputs = weights.dim_size(2) * weights.dim_size(3);
    OP_REQUIRES(context, bias.dims() == 1 && bias.dim_size(0) == outputs,
                InvalidArgument("bias must have ", outputs, " values, got ",
                                bias.shape().DebugString()));
    const int64_t taps = weights.dim_size(0) * weights.dim_size(1);
    const WindowOperation operation = {attributes_, weights.dim_size(0),
                                       weights.dim_size(1), outputs,
                                       taps / 4 + 1};
    const Kernels& kernels = PickKernels();
    RunWindowRows(context, operation, [&](const WindowRow& row) {
      kernels.depthwise_row(row, weights.flat<float>().data(),
                            bias.flat<float>().data(), range_);
    });
  }

 private:
  WindowAttributes attributes_;
  Range range_;
};

}  // namespace

REGISTER_OP("FusedDepthwiseConv2D")
    .Input("input: float")
    .Input("weights: float")
    .Input("bias: float")
    .Output("output: float")
    .Attr("strides: list(int)")
    .Attr("padding: {'SAME', 'VALID', 'EXPLICIT'}")
    .Attr("explicit_paddings: list(int) = []")
    .Attr("activation: {'none', 'relu', 'relu6'} = 'none'")
    .SetShapeFn(DepthwiseShape)
    .Doc(R"doc(
Depthwise convolution with weights [height, width, channels, multiplier], bias
and activation. Fast for the multipliers 1 and 8.
)doc");

REGISTER_KERNEL_BUILDER(
    Name("FusedDepthwiseConv2D").Device(tensorflow::DEVICE_CPU),
    FusedDepthwiseConv2D);

}  // namespace sparse_ops
