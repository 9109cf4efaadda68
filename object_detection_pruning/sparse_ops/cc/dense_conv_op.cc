// FusedConv2D: a dense convolution of an image with few channels, bias and
// activation: the first layer of a network.
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

Status DenseShape(InferenceContext* context) {
  WindowAttributes attributes;
  ShapeHandle weights;
  TF_RETURN_IF_ERROR(ReadWindowAttributes(context, &attributes));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(1), 4, &weights));
  return SetWindowShape(context, 0, attributes, context->Dim(weights, 0),
                        context->Dim(weights, 1), context->Dim(weights, 3));
}

class FusedConv2D : public tensorflow::OpKernel {
 public:
  explicit FusedConv2D(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, ReadWindowAttributes(context, &attributes_));
    OP_REQUIRES_OK(context, ReadActivation(context, "activation", &range_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& input = context->input(0);
    const Tensor& weights = context->input(1);
    const Tensor& bias = context->input(2);
    OP_REQUIRES(context, weights.dims() == 4 && weights.NumElements() > 0,
                InvalidArgument("weights must be [height, width, inputs, "
                                "outputs], got ",
                                weights.shape().DebugString()));
    OP_REQUIRES(context,
                input.dims() == 4 && input.dim_size(3) == weights.dim_size(2),
                InvalidArgument("input must be [batch, height, width, ",
                                weights.dim_size(2), "], got ",
                                input.shape().DebugString()));
    const int64_t outputs = weights.dim_size(3);
    OP_REQUIRES(context, bias.dims() == 1 && bias.dim_size(0) == outputs,
                InvalidArgument("bias must have ", outputs, " values, got ",
                                bias.shape().DebugString()));
    const WindowOperation operation = {
        attributes_, weights.dim_size(0), weights.dim_size(1), outputs,
        weights.NumElements() / outputs / 8 + 1};
    const Kernels& kernels = PickKernels();
    RunWindowRows(context, operation, [&](const WindowRow& row) {
      kernels.dense_row(row, weights.flat<float>().data(),
                        bias.flat<float>().data(), range_);
    });
  }

 private:
  WindowAttributes attributes_;
  Range range_;
};

}  // namespace

REGISTER_OP("FusedConv2D")
    .Input("input: float")
    .Input("weights: float")
    .Input("bias: float")
    .Output("output: float")
    .Attr("strides: list(int)")
    .Attr("padding: {'SAME', 'VALID', 'EXPLICIT'}")
    .Attr("explicit_paddings: list(int) = []")
    .Attr("activation: {'none', 'relu', 'relu6'} = 'none'")
    .SetShapeFn(DenseShape)
    .Doc(R"doc(
Convolution with weights [height, width, inputs, outputs], bias and activation.
Meant for images with few channels.
)doc");

REGISTER_KERNEL_BUILDER(Name("FusedConv2D").Device(tensorflow::DEVICE_CPU),
                        FusedConv2D);

}  // namespace sparse_ops
