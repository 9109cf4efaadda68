// FastResizeBilinear: ResizeBilinear with all channels of a pixel at once.
#include "isa.h"
#include "recycled_output.h"
#include "resize_places.h"
#include "sharing_out.h"
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

// Cycles for a float of the output.
const int64_t kCycles = 2;

Status ResizeShape(InferenceContext* context) {
  std::vector<tensorflow::int32> output_size;
  ShapeHandle input;
  TF_RETURN_IF_ERROR(
      ReadSize(context, "output_size", &output_size, kMaxOutputSide));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(0), 4, &input));
  context->set_output(
      0, context->MakeShape({context->Dim(input, 0), output_size[0],
                             output_size[1], context->Dim(input, 3)}));
  return Status();
}

class FastResizeBilinear : public tensorflow::OpKernel {
 public:
  explicit FastResizeBilinear(OpKernelConstruction* context)
      : OpKernel(context) {
    OP_REQUIRES_OK(context, ReadSize(context, "output_size", &output_size_,
                                     kMaxOutputSide));
    OP_REQUIRES_OK(context, context->GetAttr("align_corners",
                                             &align_corners_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& input = context->input(0);
    OP_REQUIRES(context, input.dims() == 4,
                InvalidArgument("input must have 4 dimensions, got ",
                                input.shape().DebugString()));
    const int64_t batch = input.dim_size(0), input_height = input.dim_size(1);
    const int64_t input_width = input.dim_size(2), depth = input.dim_size(3);
    const int64_t height = output_size_[0], width = output_size_[1];
    OP_REQUIRES(context, batch == 0 || (input_height > 0 && input_width > 0),
                InvalidArgument("input has no pixels: ",
                                input.shape().DebugString()));
    OP_REQUIRES_OK(context, CheckOutputSize(batch, height, width, depth));
    Tensor* output;
    OP_REQUIRES_OK(context,
                   AllocateOutput(context, 0,
                                  TensorShape({batch, height, width, depth}),
                                  &output));
    if (output->NumElements() == 0) return;
    const std::vector<Between> rows =
        PlacesOf(height, input_height, align_corners_);
    const std::vector<Between> columns =
        PlacesOf(width, input_width, align_corners_);
    const float* input_data = input.flat<float>().data();
    float* output_data = output->flat<float>().data();
    const Kernels& kernels = PickKernels();
    const auto& workers = *context->device()->tensorflow_cpu_worker_threads();
    ShareOut(workers, batch * height,
             CyclesPerUnit(batch * height, {width, depth, kCycles}),
             [&](int64_t first, int64_t last) {
               for (int64_t i = first; i < last; ++i) {
                 const Between& y = rows[i % height];
                 const float* image = input_data + i / height * input_height *
                                                       input_width * depth;
                 const float* top = image + y.lower * input_width * depth;
                 const float* bottom = image + y.upper * input_width * depth;
                 float* out = output_data + i * width * depth;
                 for (const Between& x : columns) {
                   const BilinearSample sample = {top + x.lower * depth,
                                                  top + x.upper * depth,
                                                  bottom + x.lower * depth,
                                                  bottom + x.upper * depth,
                                                  x.weight,
                                                  y.weight};
                   kernels.bilinear_max(&sample, 1, 0.0f, depth, out);
                   out += depth;
                 }
               }
             });
  }

 private:
  std::vector<tensorflow::int32> output_size_;
  bool align_corners_;
};

}  // namespace

REGISTER_OP("FastResizeBilinear")
    .Input("input: float")
    .Output("output: float")
    .Attr("output_size: list(int)")
    .Attr("align_corners: bool = false")
    .SetShapeFn(ResizeShape)
    .Doc(R"doc(
ResizeBilinear of a float image to a size that is known beforehand.
)doc");

REGISTER_KERNEL_BUILDER(
    Name("FastResizeBilinear").Device(tensorflow::DEVICE_CPU),
    FastResizeBilinear);

}  // namespace sparse_ops
