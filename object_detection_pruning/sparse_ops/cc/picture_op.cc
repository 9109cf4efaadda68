// ResizeNormalizePicture: from bytes to a resized and normalised picture of
// floats, row by row.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "isa.h"
#include "picture_rows.h"
#include "recycled_output.h"
#include "scratch.h"
#include "sharing_out.h"
#include "tensorflow/core/framework/op.h"
#include "window_attributes.h"

namespace sparse_ops {

using tensorflow::OpInputList;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Status;
using tensorflow::Tensor;
using tensorflow::TensorShape;
using tensorflow::errors::InvalidArgument;
using tensorflow::shape_inference::DimensionHandle;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

namespace {

enum Inputs { kPictures, kSize, kConstants };

// Cycles for a float of the output.
const int64_t kCycles = 4;

template <typename Context>
Status ReadOps(Context* context, const char* name, const char* number,
               std::string* ops) {
  int count;
  TF_RETURN_IF_ERROR(context->GetAttr(name, ops));
  TF_RETURN_IF_ERROR(context->GetAttr(number, &count));
  if (static_cast<int64_t>(ops->size()) != count ||
      ops->find_first_not_of("+-*") != std::string::npos) {
    return InvalidArgument(name, " must be ", count, " of + - *, got ", *ops);
  }
  return Status();
}

Status ReadSides(const Tensor& tensor, int64_t* height, int64_t* width) {
  if (tensor.dims() != 1 || tensor.dim_size(0) != 2) {
    return InvalidArgument("size must be [height, width], got ",
                           tensor.shape().DebugString());
  }
  const auto sides = tensor.flat<tensorflow::int32>();
  *height = sides(0);
  *width = sides(1);
  for (int64_t side : {*height, *width}) {
    if (side < 1 || side > kMaxOutputSide) {
      return InvalidArgument("size must be in 1..", kMaxOutputSide, ", got ",
                             side);
    }
  }
  return Status();
}

Status PictureShape(InferenceContext* context) {
  std::string ops;
  ShapeHandle pictures, size, constant;
  DimensionHandle channels, two;
  TF_RETURN_IF_ERROR(ReadOps(context, "before_ops", "num_before", &ops));
  TF_RETURN_IF_ERROR(ReadOps(context, "after_ops", "num_after", &ops));
  TF_RETURN_IF_ERROR(
      context->WithRank(context->input(kPictures), 4, &pictures));
  TF_RETURN_IF_ERROR(context->WithValue(context->Dim(pictures, 3),
                                        kPictureChannels, &channels));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(kSize), 1, &size));
  TF_RETURN_IF_ERROR(context->WithValue(context->Dim(size, 0), 2, &two));
  for (int i = kConstants; i < context->num_inputs(); ++i) {
    TF_RETURN_IF_ERROR(context->WithRank(context->input(i), 1, &constant));
  }
  const DimensionHandle batch = context->Dim(pictures, 0);
  DimensionHandle sides[] = {context->UnknownDim(), context->UnknownDim()};
  const Tensor* known = context->input_tensor(kSize);
  if (known != nullptr) {
    int64_t height, width;
    TF_RETURN_IF_ERROR(ReadSides(*known, &height, &width));
    sides[0] = context->MakeDim(height);
    sides[1] = context->MakeDim(width);
    if (context->ValueKnown(batch)) {
      TF_RETURN_IF_ERROR(CheckOutputSize(context->Value(batch), height, width,
                                         kPictureChannels));
    }
  }
  context->set_output(
      0, context->MakeShape({batch, sides[0], sides[1], channels}));
  return Status();
}

Status ReadSteps(OpKernelContext* context, const char* name,
                 const std::string& ops, std::vector<PictureStep>* steps) {
  OpInputList constants;
  TF_RETURN_IF_ERROR(context->input_list(name, &constants));
  for (int i = 0; i < constants.size(); ++i) {
    const Tensor& constant = constants[i];
    const int64_t count = constant.NumElements();
    if (constant.dims() != 1 || (count != 1 && count != kPictureChannels)) {
      return InvalidArgument(name, " must have 1 or ", kPictureChannels,
                             " values each, got ",
                             constant.shape().DebugString());
    }
    PictureStep step;
    step.op = ops[i];
    for (int j = 0; j < PictureStep::kPeriod; ++j) {
      step.values[j] = constant.flat<float>()(j % count);
    }
    steps->push_back(step);
  }
  return Status();
}

// How pictures of one size are resized.
struct Plan {
  int64_t input_width;
  std::vector<Between> rows;
  std::vector<Between> columns;
  std::vector<PictureStep> before;
  std::vector<PictureStep> after;

  int64_t output_floats() const { return columns.size() * kPictureChannels; }
};

// Rows of the input, resized in width: the last two that were asked for.
class ResizedRows {
 public:
  explicit ResizedRows(const Plan& plan) : plan_(plan) {
    for (Kept& each : kept_) {
      // A float more: see ResizeRow.
      each.values = each.memory.Get(plan.output_floats() + 1);
    }
    // Its last float belongs to no pixel and to no result.
    row_ = memory_.Get(plan.input_width * kPictureChannels + 1);
    row_[plan.input_width * kPictureChannels] = 0;
  }

  const float* Get(const uint8_t* row) {
    if (kept_[1].row == row) return kept_[1].values;
    // The second one is always the last that was asked for.
    std::swap(kept_[0].row, kept_[1].row);
    std::swap(kept_[0].values, kept_[1].values);
    if (kept_[1].row == row) return kept_[1].values;
    const int64_t count = plan_.input_width * kPictureChannels;
    PickKernels().cast_bytes(row, count, row_);
    DoSteps(plan_.before, count, row_);
    ResizeRow(row_, plan_.columns, kept_[1].values);
    kept_[1].row = row;
    return kept_[1].values;
  }

 private:
  struct Kept {
    const uint8_t* row = nullptr;
    float* values = nullptr;
    Scratch memory;
  };

  const Plan& plan_;
  Kept kept_[2];
  Scratch memory_;
  float* row_;
};

class ResizeNormalizePicture : public tensorflow::OpKernel {
 public:
  explicit ResizeNormalizePicture(OpKernelConstruction* context)
      : OpKernel(context) {
    OP_REQUIRES_OK(context, ReadOps(context, "before_ops", "num_before",
                                    &before_ops_));
    OP_REQUIRES_OK(context,
                   ReadOps(context, "after_ops", "num_after", &after_ops_));
    OP_REQUIRES_OK(context, context->GetAttr("align_corners",
                                             &align_corners_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& input = context->input(kPictures);
    OP_REQUIRES(context,
                input.dims() == 4 && input.dim_size(3) == kPictureChannels,
                InvalidArgument("pictures must be [batch, height, width, ",
                                kPictureChannels, "], got ",
                                input.shape().DebugString()));
    const int64_t batch = input.dim_size(0), input_height = input.dim_size(1);
    Plan plan;
    plan.input_width = input.dim_size(2);
    OP_REQUIRES(context,
                batch == 0 || (input_height > 0 && plan.input_width > 0),
                InvalidArgument("pictures have no pixels: ",
                                input.shape().DebugString()));
    int64_t height, width;
    OP_REQUIRES_OK(context, ReadSides(context->input(kSize), &height, &width));
    OP_REQUIRES_OK(context,
                   ReadSteps(context, "before", before_ops_, &plan.before));
    OP_REQUIRES_OK(context,
                   ReadSteps(context, "after", after_ops_, &plan.after));
    OP_REQUIRES_OK(context,
                   CheckOutputSize(batch, height, width, kPictureChannels));
    Tensor* output;
    OP_REQUIRES_OK(
        context,
        AllocateOutput(context, 0,
                       TensorShape({batch, height, width, kPictureChannels}),
                       &output));
    if (output->NumElements() == 0) return;
    plan.rows = PlacesOf(height, input_height, align_corners_);
    plan.columns = PlacesOf(width, plan.input_width, align_corners_);
    const uint8_t* pictures = input.flat<tensorflow::uint8>().data();
    float* output_data = output->flat<float>().data();
    const auto& workers = *context->device()->tensorflow_cpu_worker_threads();
    ShareOut(workers, batch * height,
             CyclesPerUnit(batch * height, {width, kPictureChannels, kCycles}),
             [&](int64_t first, int64_t last) {
               ResizedRows rows(plan);
               const int64_t row_bytes = plan.input_width * kPictureChannels;
               const int64_t count = plan.output_floats();
               for (int64_t i = first; i < last; ++i) {
                 const Between& y = plan.rows[i % height];
                 const uint8_t* picture =
                     pictures + i / height * input_height * row_bytes;
                 const float* top = rows.Get(picture + y.lower * row_bytes);
                 const float* bottom = rows.Get(picture + y.upper * row_bytes);
                 float* out = output_data + i * count;
                 BlendRows(top, bottom, y.weight, count, out);
                 DoSteps(plan.after, count, out);
               }
             });
  }

 private:
  std::string before_ops_;
  std::string after_ops_;
  bool align_corners_;
};

}  // namespace

REGISTER_OP("ResizeNormalizePicture")
    .Input("pictures: uint8")
    .Input("size: int32")
    .Input("before: num_before * float")
    .Input("after: num_after * float")
    .Output("output: float")
    .Attr("num_before: int >= 0 = 0")
    .Attr("num_after: int >= 0 = 0")
    .Attr("before_ops: string = ''")
    .Attr("after_ops: string = ''")
    .Attr("align_corners: bool = false")
    .SetShapeFn(PictureShape)
    .Doc(R"doc(
Pictures [batch, height, width, 3] as floats, resized to `size` as by
ResizeBilinear. Before and after that come the operations of before_ops and
after_ops, one of + - * each, with the constants `before` and `after` on their
right, which have one value or one for each channel.
)doc");

REGISTER_KERNEL_BUILDER(
    Name("ResizeNormalizePicture").Device(tensorflow::DEVICE_CPU),
    ResizeNormalizePicture);

}  // namespace sparse_ops
