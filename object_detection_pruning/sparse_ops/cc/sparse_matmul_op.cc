// SparseMatMulBias: a fully connected layer with sparse weights.
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
using tensorflow::shape_inference::ShapeHandle;

namespace {

template <typename Context>
Status ReadMatrixShape(Context* context, KernelShape* shape) {
  std::vector<tensorflow::int32> sizes;
  TF_RETURN_IF_ERROR(context->GetAttr("kernel_shape", &sizes));
  return ReadKernelShape(sizes, 2, shape);
}

Status MatMulShape(InferenceContext* context) {
  KernelShape shape;
  ShapeHandle input;
  TF_RETURN_IF_ERROR(ReadMatrixShape(context, &shape));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(0), 2, &input));
  context->set_output(
      0, context->Matrix(context->Dim(input, 0), shape.outputs));
  return Status();
}

class SparseMatMulBias : public tensorflow::OpKernel {
 public:
  explicit SparseMatMulBias(OpKernelConstruction* context)
      : OpKernel(context) {
    OP_REQUIRES_OK(context, ReadMatrixShape(context, &shape_));
    OP_REQUIRES_OK(context, ReadConstancy(context, &cache_));
    OP_REQUIRES_OK(context, ReadActivation(context, "activation", &range_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& input = context->input(0);
    const Tensor& bias = context->input(3);
    OP_REQUIRES(context,
                input.dims() == 2 && input.dim_size(1) == shape_.inputs,
                InvalidArgument("input must be [batch, ", shape_.inputs,
                                "], got ", input.shape().DebugString()));
    OP_REQUIRES(context,
                bias.dims() == 1 && bias.dim_size(0) == shape_.outputs,
                InvalidArgument("bias must have ", shape_.outputs,
                                " values, got ", bias.shape().DebugString()));
    const int64_t rows = input.dim_size(0);
    OP_REQUIRES_OK(context, CheckOutputSize(rows, 1, 1, shape_.outputs));
    Tensor* output;
    OP_REQUIRES_OK(context,
                   AllocateOutput(context, 0,
                                  TensorShape({rows, shape_.outputs}),
                                  &output));
    const ConvGeometry geometry = {
        input.flat<float>().data(), rows, 1, 1, shape_.inputs, 1, 1, 1, 1, 1,
        1, 0, 0};
    const Kernels& kernels = PickKernels();
    std::unique_ptr<PanelPlan> plan;
    if (rows > 0) plan = PlanPixels(geometry, kernels);
    const std::vector<OutputSlice> slices = {
        {output->flat<float>().data(), shape_.outputs, 0, shape_.outputs}};
    SparseTensors tensors;
    OP_REQUIRES_OK(context, FindSparseTensors(context, &tensors));
    const SparseWeights weights = {shape_, tensors,
                                   bias.flat<float>().data(), range_, &cache_};
    OP_REQUIRES_OK(context, RunSparseConvolution(context, plan.get(), weights,
                                                 kernels, slices));
  }

 private:
  KernelShape shape_;
  Range range_;
  PackedKernelCache cache_;
};

}  // namespace

REGISTER_OP("SparseMatMulBias")
    .Input("input: float")
    .Input("mask: uint8")
    .Input("values: T")
    .Input("bias: float")
    .Input("scales: num_scales * float")
    .Output("output: float")
    .Attr("kernel_shape: list(int)")
    .Attr("activation: {'none', 'relu', 'relu6'} = 'none'")
    .Attr("T: {float, int8} = DT_FLOAT")
    .Attr("num_scales: int >= 0 = 0")
    .Attr("constant_weights: bool = false")
    .SetShapeFn(MatMulShape)
    .Doc(R"doc(
input times a sparse matrix of kernel_shape [inputs, outputs], plus bias, with
an activation. Weights are stored as for SparseConv2D.
)doc");

REGISTER_KERNEL_BUILDER(
    Name("SparseMatMulBias").Device(tensorflow::DEVICE_CPU),
    SparseMatMulBias);

}  // namespace sparse_ops
