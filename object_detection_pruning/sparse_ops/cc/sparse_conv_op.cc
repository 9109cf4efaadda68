// SparseConv2D: a convolution whose kernel is a bitmask and its nonzeros.
//
// With num_outputs > 1 the kernel holds the kernels of several convolutions of
// the same input side by side, which then share one pass over that input; each
// gets its own output tensor of `output_depths` channels.
//
// One of the outputs can be part of a concatenation: the convolutions that this
// is made of hand its memory on from one to the next, and each fills in its own
// channels.
#include <algorithm>
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
  return Status();
}

// Which output is channels [offset, ..) of a tensor of `depth`; -1 for none.
struct Concatenation {
  int output;
  int offset;
  int depth;
  int num_inputs;  // 1 if other channels are filled in already
};

template <typename Context>
Status ReadConcatenation(Context* context,
                         const std::vector<tensorflow::int32>& depths,
                         Concatenation* concat) {
  TF_RETURN_IF_ERROR(context->GetAttr("concat_output", &concat->output));
  TF_RETURN_IF_ERROR(context->GetAttr("concat_offset", &concat->offset));
  TF_RETURN_IF_ERROR(context->GetAttr("concat_depth", &concat->depth));
  TF_RETURN_IF_ERROR(context->GetAttr("num_concat", &concat->num_inputs));
  if (concat->output == -1 && concat->num_inputs == 0) {
    concat->depth = 0;
    return Status();
  }
  if (concat->output < 0 ||
      concat->output >= static_cast<int64_t>(depths.size()) ||
      concat->num_inputs > 1) {
    return InvalidArgument("concat_output must be one of ", depths.size(),
                           " outputs, with at most one concat, got ",
                           concat->output, " and ", concat->num_inputs);
  }
  const int64_t end = int64_t{concat->offset} + depths[concat->output];
  if (concat->offset < 0 || end > concat->depth) {
    return InvalidArgument("concat_offset ", concat->offset, " and ",
                           depths[concat->output],
                           " channels must fit in concat_depth ",
                           concat->depth);
  }
  return Status();
}

template <typename Context>
Status ReadShapes(Context* context, KernelShape* shape,
                  std::vector<tensorflow::int32>* depths,
                  Concatenation* concat) {
  std::vector<tensorflow::int32> sizes;
  int num_outputs;
  TF_RETURN_IF_ERROR(context->GetAttr("kernel_shape", &sizes));
  TF_RETURN_IF_ERROR(context->GetAttr("num_outputs", &num_outputs));
  TF_RETURN_IF_ERROR(context->GetAttr("output_depths", depths));
  TF_RETURN_IF_ERROR(ReadKernelShape(sizes, 4, shape));
  TF_RETURN_IF_ERROR(CheckOutputDepths(*depths, num_outputs, shape->outputs));
  return ReadConcatenation(context, *depths, concat);
}

Status SparseConvShape(InferenceContext* context) {
  WindowAttributes attributes;
  KernelShape shape;
  std::vector<tensorflow::int32> depths;
  Concatenation concat;
  TF_RETURN_IF_ERROR(ReadWindowAttributes(context, &attributes));
  TF_RETURN_IF_ERROR(ReadShapes(context, &shape, &depths, &concat));
  for (int i = 0; i < static_cast<int>(depths.size()); ++i) {
    const int depth = i == concat.output ? concat.depth : depths[i];
    TF_RETURN_IF_ERROR(SetWindowShape(
        context, i, attributes, context->MakeDim(shape.height),
        context->MakeDim(shape.width), context->MakeDim(depth)));
  }
  return Status();
}

class SparseConv2D : public tensorflow::OpKernel {
 public:
  explicit SparseConv2D(OpKernelConstruction* context)
      : OpKernel(context) {
    OP_REQUIRES_OK(context, ReadWindowAttributes(context, &attributes_));
    OP_REQUIRES_OK(context, ReadShapes(context, &shape_, &depths_, &concat_));
    OP_REQUIRES_OK(context, ReadConstancy(context, &cache_));
    OP_REQUIRES_OK(context, ReadActivation(context, "activation", &range_));
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
    OP_REQUIRES_OK(context, CheckOutputSize(
                                input.dim_size(0), height.output, width.output,
                                std::max<int64_t>(shape_.outputs,
                                                  concat_.depth)));
    std::vector<OutputSlice> slices;
    int64_t begin = 0;
    for (int i = 0; i < static_cast<int>(depths_.size()); ++i) {
      const bool is_part = i == concat_.output;
      const int64_t depth = is_part ? concat_.depth : depths_[i];
      const TensorShape output_shape(
          {input.dim_size(0), height.output, width.output, depth});
      Tensor* output;
      OP_REQUIRES_OK(
          context, is_part ? TakeConcatenation(context, output_shape, &output)
                           : AllocateOutput(context, i, output_shape, &output));
      slices.push_back({output->flat<float>().data() +
                            (is_part ? concat_.offset : 0),
                        depth, begin, begin + depths_[i]});
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
    SparseTensors tensors;
    OP_REQUIRES_OK(context, FindSparseTensors(context, &tensors));
    const SparseWeights weights = {shape_, tensors,
                                   bias.flat<float>().data(), range_, &cache_};
    OP_REQUIRES_OK(context, RunSparseConvolution(context, plan.get(), weights,
                                                 kernels, slices));
  }

 private:
  // The output that is part of a concatenation: the memory that came in, or a
  // copy of it where somebody else reads it too, or new memory for the first.
  Status TakeConcatenation(OpKernelContext* context, const TensorShape& shape,
                           Tensor** output) {
    if (concat_.num_inputs == 0) {
      return AllocateOutput(context, concat_.output, shape, output);
    }
    const Tensor& filled = context->input(kConcatInput);
    if (filled.shape() != shape) {
      return InvalidArgument("concat must be ", shape.DebugString(), ", got ",
                             filled.shape().DebugString());
    }
    if (context->forward_input_to_output_with_shape(
            kConcatInput, concat_.output, shape, output)) {
      return Status();
    }
    TF_RETURN_IF_ERROR(
        AllocateOutput(context, concat_.output, shape, output));
    std::copy_n(filled.flat<float>().data(), filled.NumElements(),
                (*output)->flat<float>().data());
    return Status();
  }

  static const int kConcatInput = 4;

  WindowAttributes attributes_;
  KernelShape shape_;
  std::vector<tensorflow::int32> depths_;
  Concatenation concat_;
  Range range_;
  PackedKernelCache cache_;
};

}  // namespace

REGISTER_OP("SparseConv2D")
    .Input("input: float")
    .Input("mask: uint8")
    .Input("values: T")
    .Input("bias: float")
    .Input("concat: num_concat * float")
    .Input("scales: num_scales * float")
    .Output("outputs: num_outputs * float")
    .Attr("num_outputs: int >= 1 = 1")
    .Attr("output_depths: list(int) >= 1")
    .Attr("kernel_shape: list(int)")
    .Attr("strides: list(int)")
    .Attr("padding: {'SAME', 'VALID', 'EXPLICIT'}")
    .Attr("explicit_paddings: list(int) = []")
    .Attr("activation: {'none', 'relu', 'relu6'} = 'none'")
    .Attr("num_concat: int >= 0 = 0")
    .Attr("concat_output: int = -1")
    .Attr("concat_offset: int = 0")
    .Attr("concat_depth: int = 0")
    .Attr("T: {float, int8} = DT_FLOAT")
    .Attr("num_scales: int >= 0 = 0")
    .Attr("constant_weights: bool = false")
    .SetShapeFn(SparseConvShape)
    .Doc(R"doc(
Convolution, bias and activation with a kernel of which only the nonzeros are
stored. `mask` has a bit per weight, in the order of [height, width, inputs,
outputs], lowest bit first; `values` has the nonzeros in the same order. Those
of int8 are multiples of `scales`, one for each output channel. With
`constant_weights`, tensors of weights that came before count as the same
without a look at what is in them.

Output `concat_output`, if not -1, is a tensor of concat_depth channels, and the
convolution fills in those from concat_offset on. The others are those of
`concat`; without one, they are whatever the memory held, for another op to fill
in.
)doc");

REGISTER_KERNEL_BUILDER(Name("SparseConv2D").Device(tensorflow::DEVICE_CPU),
                        SparseConv2D);

}  // namespace sparse_ops
