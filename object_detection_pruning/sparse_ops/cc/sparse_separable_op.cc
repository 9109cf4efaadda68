// SparseSeparableConv2D: a depthwise 3x3 convolution and the sparse pointwise
// convolution after it, block by block, so that what lies between them never
// leaves the cache.
#include <vector>

#include "isa.h"
#include "recycled_output.h"
#include "sparse_engine.h"
#include "tensorflow/core/framework/op.h"
#include "window_attributes.h"

namespace sparse_ops {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Status;
using tensorflow::Tensor;
using tensorflow::TensorShape;
using tensorflow::errors::InvalidArgument;
using tensorflow::shape_inference::InferenceContext;

namespace {

const int64_t kDepthwiseSize = 3;

template <typename Context>
Status ReadPointwiseShape(Context* context, KernelShape* shape) {
  std::vector<tensorflow::int32> sizes;
  TF_RETURN_IF_ERROR(context->GetAttr("kernel_shape", &sizes));
  return ReadKernelShape(sizes, 2, shape);
}

Status SeparableShape(InferenceContext* context) {
  WindowAttributes attributes;
  KernelShape shape;
  TF_RETURN_IF_ERROR(ReadWindowAttributes(context, &attributes));
  TF_RETURN_IF_ERROR(ReadPointwiseShape(context, &shape));
  return SetWindowShape(context, 0, attributes,
                        context->MakeDim(kDepthwiseSize),
                        context->MakeDim(kDepthwiseSize),
                        context->MakeDim(shape.outputs));
}

class SparseSeparableConv2D : public tensorflow::OpKernel {
 public:
  explicit SparseSeparableConv2D(OpKernelConstruction* context)
      : OpKernel(context) {
    OP_REQUIRES_OK(context, ReadWindowAttributes(context, &attributes_));
    OP_REQUIRES_OK(context, ReadPointwiseShape(context, &shape_));
    OP_REQUIRES_OK(context, ReadActivation(context, "depthwise_activation",
                                           &depthwise_range_));
    OP_REQUIRES_OK(context, ReadConstancy(context, &cache_));
    OP_REQUIRES_OK(context, ReadActivation(context, "activation", &range_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& input = context->input(0);
    const Tensor& weights = context->input(1);
    const Tensor& depthwise_bias = context->input(2);
    const Tensor& bias = context->input(5);
    OP_REQUIRES(context,
                input.dims() == 4 && input.dim_size(3) == shape_.inputs,
                InvalidArgument("input must be [batch, height, width, ",
                                shape_.inputs, "], got ",
                                input.shape().DebugString()));
    OP_REQUIRES(
        context,
        weights.shape() == TensorShape({kDepthwiseSize, kDepthwiseSize,
                                        shape_.inputs, 1}),
        InvalidArgument("depthwise_weights must be [3, 3, ", shape_.inputs,
                        ", 1], got ", weights.shape().DebugString()));
    OP_REQUIRES(context,
                depthwise_bias.dims() == 1 &&
                    depthwise_bias.dim_size(0) == shape_.inputs,
                InvalidArgument("depthwise_bias must have ", shape_.inputs,
                                " values, got ",
                                depthwise_bias.shape().DebugString()));
    OP_REQUIRES(context,
                bias.dims() == 1 && bias.dim_size(0) == shape_.outputs,
                InvalidArgument("bias must have ", shape_.outputs,
                                " values, got ", bias.shape().DebugString()));
    Extent height, width;
    OP_REQUIRES_OK(context, attributes_.Height(input.dim_size(1),
                                               kDepthwiseSize, &height));
    OP_REQUIRES_OK(context, attributes_.Width(input.dim_size(2),
                                              kDepthwiseSize, &width));
    OP_REQUIRES_OK(context,
                   CheckOutputSize(input.dim_size(0), height.output,
                                   width.output, shape_.outputs));
    Tensor* output;
    OP_REQUIRES_OK(context,
                   AllocateOutput(context, 0,
                                  TensorShape({input.dim_size(0),
                                               height.output, width.output,
                                               shape_.outputs}),
                                  &output));
    const ConvGeometry geometry = {
        input.flat<float>().data(), input.dim_size(0),
        input.dim_size(1),          input.dim_size(2),
        shape_.inputs,              height.output,
        width.output,               kDepthwiseSize,
        kDepthwiseSize,             attributes_.stride_height,
        attributes_.stride_width,   height.pad_before,
        width.pad_before};
    const Kernels& kernels = PickKernels();
    const DepthwiseStage stage = {weights.flat<float>().data(),
                                  depthwise_bias.flat<float>().data(),
                                  depthwise_range_};
    std::unique_ptr<PanelPlan> plan;
    if (geometry.output_pixels() > 0) plan = PlanDepthwise(geometry, stage, kernels);
    const std::vector<OutputSlice> slices = {
        {output->flat<float>().data(), shape_.outputs, 0, shape_.outputs}};
    SparseTensors tensors;
    OP_REQUIRES_OK(context, FindSparseTensors(context, &tensors));
    const SparseWeights sparse = {shape_, tensors,
                                   bias.flat<float>().data(), range_, &cache_};
    OP_REQUIRES_OK(context, RunSparseConvolution(context, plan.get(), sparse,
                                                 kernels, slices));
  }

 private:
  WindowAttributes attributes_;
  KernelShape shape_;
  Range depthwise_range_;
  Range range_;
  PackedKernelCache cache_;
};

}  // namespace

REGISTER_OP("SparseSeparableConv2D")
    .Input("input: float")
    .Input("depthwise_weights: float")
    .Input("depthwise_bias: float")
    .Input("mask: uint8")
    .Input("values: T")
    .Input("bias: float")
    .Input("scales: num_scales * float")
    .Output("output: float")
    .Attr("kernel_shape: list(int)")
    .Attr("strides: list(int)")
    .Attr("padding: {'SAME', 'VALID', 'EXPLICIT'}")
    .Attr("explicit_paddings: list(int) = []")
    .Attr("depthwise_activation: {'none', 'relu', 'relu6'} = 'none'")
    .Attr("activation: {'none', 'relu', 'relu6'} = 'none'")
    .Attr("T: {float, int8} = DT_FLOAT")
    .Attr("num_scales: int >= 0 = 0")
    .Attr("constant_weights: bool = false")
    .SetShapeFn(SeparableShape)
    .Doc(R"doc(
A depthwise 3x3 convolution with bias and activation, followed by a sparse 1x1
convolution of kernel_shape [inputs, outputs] with bias and activation.
)doc");

REGISTER_KERNEL_BUILDER(
    Name("SparseSeparableConv2D").Device(tensorflow::DEVICE_CPU),
    SparseSeparableConv2D);

}  // namespace sparse_ops
