// SparseConv2D: a convolution whose kernel is a bitmask and its nonzeros.
//
// With num_outputs > 1 the kernel holds the kernels of several convolutions of
// the same input side by side, which then share one pass over that input; each
// gets its own output tensor of `output_depths` channels.
#include <vector>

#include "isa.h"
#include "kept_output.h"
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
using tensorflow::shape_inference::DimensionHandle;
using tensorflow::shape_inference::InferenceContext;

namespace {

Status CheckOutputDepths(const std::vector<tensorflow::int32>& depths,
                         int num_outputs, int64_t outputs) {
  int64_t sum = 0;
  bool valid = depths.size() == static_cast<size_t>(num_outputs);
  for (tensorflow::int32 depth : depths) {
    valid = valid && depth >= 1;
    sum += depth;
  }
  if (!valid || sum != outputs) {
    return InvalidArgument("output_depths must be ", num_outputs,
                           " positive sizes with the sum ", outputs);
  }
  return Status::OK();
}

template <typename Context>
Status ReadShapes(Context* context, KernelShape* shape,
                  std::vector<tensorflow::int32>* depths) {
  std::vector<tensorflow::int32> sizes;
  int num_outputs;
  TF_RETURN_IF_ERROR(context->GetAttr("kernel_shape", &sizes));
  TF_RETURN_IF_ERROR(context->GetAttr("num_outputs", &num_outputs));
  TF_RETURN_IF_ERROR(context->GetAttr("output_depths", depths));
  TF_RETURN_IF_ERROR(ReadKernelShape(sizes, 4, shape));
  return CheckOutputDepths(*depths, num_outputs, shape->outputs);
}

Status SparseConvShape(InferenceContext* context) {
  WindowAttributes attributes;
  KernelShape shape;
  std::vector<tensorflow::int32> depths;
  TF_RETURN_IF_ERROR(ReadWindowAttributes(context, &attributes));
  TF_RETURN_IF_ERROR(ReadShapes(context, &shape, &depths));
  for (size_t i = 0; i < depths.size(); ++i) {
    TF_RETURN_IF_ERROR(SetWindowShape(
        context, i, attributes, context->MakeDim(shape.height),
        context->MakeDim(shape.width), context->MakeDim(depths[i])));
  }
  return Status::OK();
}

class SparseConv2D : public tensorflow::OpKernel {
 public:
  explicit SparseConv2D(OpKernelConstruction* context)
      : OpKernel(context) {
    OP_REQUIRES_OK(context, ReadWindowAttributes(context, &attributes_));
    OP_REQUIRES_OK(context, ReadShapes(context, &shape_, &depths_));
    OP_REQUIRES_OK(context, ReadActivation(context, "activation", &range_));
    kept_outputs_ = std::vector<KeptOutput>(depths_.size());
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& input = context->input(0);
    const Tensor& bias = context->input(3);
    OP_REQUIRES(context,
                input.dims() == 4 && input.dim_size(3) == shape_.inputs,
                InvalidArgument("input must be [batch, height, width, ",
                                shape_.inputs, "], got ",
                                input.shape().DebugString()));
    OP_REQUIRES(context,
                bias.dims() == 1 && bias.dim_size(0) == shape_.outputs,
                InvalidArgument("bias must have ", shape_.outputs,
                                " values, got ", bias.shape().DebugString()));
    Extent height, width;
    OP_REQUIRES_OK(context, attributes_.Height(input.dim_size(1),
                                               shape_.height, &height));
    OP_REQUIRES_OK(context, attributes_.Width(input.dim_size(2),
                                              shape_.width, &width));
    OP_REQUIRES_OK(context,
                   CheckOutputSize(input.dim_size(0), height.output,
                                   width.output, shape_.outputs));
    std::vector<OutputSlice> slices;
    int64_t begin = 0;
    for (size_t i = 0; i < depths_.size(); ++i) {
      Tensor* output;
      OP_REQUIRES_OK(context, kept_outputs_[i].Allocate(
                                  context, i,
                                  TensorShape({input.dim_size(0),
                                               height.output, width.output,
                                               depths_[i]}),
                                  &output));
      slices.push_back(
          {output->flat<float>().data(), begin, begin + depths_[i]});
      begin += depths_[i];
    }
    const ConvGeometry geometry = {
        input.flat<float>().data(), input.dim_size(0),
        input.dim_size(1),          input.dim_size(2),
        shape_.inputs,              height.output,
        width.output,               shape_.height,
        shape_.width,               attributes_.stride_height,
        attributes_.stride_width,   height.pad_before,
        width.pad_before};
    const Kernels& kernels = PickKernels();
    std::unique_ptr<PanelPlan> plan;
    if (geometry.output_pixels() > 0) plan = PlanPanels(geometry, kernels);
    const SparseWeights weights = {shape_, context->input(1),
                                   context->input(2),
                                   bias.flat<float>().data(), range_, &cache_};
    OP_REQUIRES_OK(context, RunSparseConvolution(context, plan.get(), weights,
                                                 kernels, slices));
  }

 private:
  WindowAttributes attributes_;
  KernelShape shape_;
  std::vector<tensorflow::int32> depths_;
  Range range_;
  PackedKernelCache cache_;
  std::vector<KeptOutput> kept_outputs_;
};

}  // namespace

REGISTER_OP("SparseConv2D")
    .Input("input: float")
    .Input("mask: uint8")
    .Input("values: float")
    .Input("bias: float")
    .Output("outputs: num_outputs * float")
    .Attr("num_outputs: int >= 1 = 1")
    .Attr("output_depths: list(int) >= 1")
    .Attr("kernel_shape: list(int)")
    .Attr("strides: list(int)")
    .Attr("padding: {'SAME', 'VALID', 'EXPLICIT'}")
    .Attr("explicit_paddings: list(int) = []")
    .Attr("activation: {'none', 'relu', 'relu6'} = 'none'")
    .SetShapeFn(SparseConvShape)
    .Doc(R"doc(
Convolution, bias and activation with a kernel of which only the nonzeros are
stored. `mask` has a bit per weight, in the order of [height, width, inputs,
outputs], lowest bit first; `values` has the nonzeros in the same order.
)doc");

REGISTER_KERNEL_BUILDER(Name("SparseConv2D").Device(tensorflow::DEVICE_CPU),
                        SparseConv2D);

}  // namespace sparse_ops
