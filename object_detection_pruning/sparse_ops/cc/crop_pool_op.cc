// CropResizeMaxPool: bilinear CropAndResize followed by max pooling without
// overlap, in one pass. The crops are never written to memory.
#include <algorithm>
#include <cmath>
#include <vector>

#include "isa.h"
#include "recycled_output.h"
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
using tensorflow::shape_inference::DimensionHandle;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

namespace {

const int kMostPoolSize = 8;

template <typename Context>
Status ReadSizes(Context* context, std::vector<tensorflow::int32>* crop_size,
                 int* pool_size) {
  TF_RETURN_IF_ERROR(ReadSize(context, "crop_size", crop_size));
  TF_RETURN_IF_ERROR(context->GetAttr("pool_size", pool_size));
  if (*pool_size < 1 || *pool_size > kMostPoolSize) {
    return InvalidArgument("pool_size must be in 1..", kMostPoolSize,
                           ", got ", *pool_size);
  }
  if ((*crop_size)[0] % *pool_size != 0 || (*crop_size)[1] % *pool_size != 0) {
    return InvalidArgument("crop_size must be multiples of pool_size ",
                           *pool_size);
  }
  return Status();
}

Status CropShape(InferenceContext* context) {
  std::vector<tensorflow::int32> crop_size;
  int pool_size;
  ShapeHandle image, boxes, indices;
  DimensionHandle count;
  TF_RETURN_IF_ERROR(ReadSizes(context, &crop_size, &pool_size));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(0), 4, &image));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(1), 2, &boxes));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(2), 1, &indices));
  TF_RETURN_IF_ERROR(context->Merge(context->Dim(boxes, 0),
                                    context->Dim(indices, 0), &count));
  context->set_output(
      0, context->MakeShape({count, crop_size[0] / pool_size,
                             crop_size[1] / pool_size,
                             context->Dim(image, 3)}));
  return Status();
}

// The positions that the samples of a crop have along one axis of the image.
struct Axis {
  float start;
  float step;
  int64_t size;

  // As CropAndResize has it: the corners of the box are the first and the
  // last sample, and a single sample lies in the middle.
  Axis(float low, float high, int64_t crop, int64_t image) : size(image) {
    const float last = static_cast<float>(image - 1);
    step = crop > 1 ? (high - low) * last / static_cast<float>(crop - 1) : 0;
    start = crop > 1 ? low * last : 0.5f * (low + high) * last;
  }

  float At(int64_t i) const { return start + static_cast<float>(i) * step; }

  // The last pixel at most: of a long side, a float cannot tell the last pixel
  // from one past it.
  int64_t Before(float at) const {
    return std::min(static_cast<int64_t>(std::floor(at)), size - 1);
  }
  int64_t After(float at) const {
    return std::min(static_cast<int64_t>(std::ceil(at)), size - 1);
  }

  // Not the same as "< 0 or > last" for NaN, which is nowhere in the image.
  bool Inside(float at) const {
    return at >= 0 && at <= static_cast<float>(size - 1);
  }
};

struct Image {
  const float* data;
  int64_t width;
  int64_t channels;

  const float* Pixel(int64_t y, int64_t x) const {
    return data + (y * width + x) * channels;
  }

  BilinearSample Sample(const Axis& vertical, const Axis& horizontal, int64_t row,
                    int64_t column) const {
    BilinearSample sample = {};
    const float y = vertical.At(row), x = horizontal.At(column);
    if (!vertical.Inside(y) || !horizontal.Inside(x)) return sample;
    const int64_t top = vertical.Before(y), bottom = vertical.After(y);
    const int64_t left = horizontal.Before(x), right = horizontal.After(x);
    sample.top_left = Pixel(top, left);
    sample.top_right = Pixel(top, right);
    sample.bottom_left = Pixel(bottom, left);
    sample.bottom_right = Pixel(bottom, right);
    sample.x_weight = x - static_cast<float>(left);
    sample.y_weight = y - static_cast<float>(top);
    return sample;
  }
};

class CropResizeMaxPool : public tensorflow::OpKernel {
 public:
  explicit CropResizeMaxPool(OpKernelConstruction* context)
      : OpKernel(context) {
    OP_REQUIRES_OK(context, ReadSizes(context, &crop_size_, &pool_size_));
    OP_REQUIRES_OK(context, context->GetAttr("extrapolation_value",
                                             &extrapolation_value_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& input = context->input(0);
    const Tensor& boxes = context->input(1);
    const Tensor& indices = context->input(2);
    OP_REQUIRES(context, input.dims() == 4,
                InvalidArgument("image must have 4 dimensions, got ",
                                input.shape().DebugString()));
    OP_REQUIRES(context, boxes.dims() == 2 && boxes.dim_size(1) == 4,
                InvalidArgument("boxes must be [count, 4], got ",
                                boxes.shape().DebugString()));
    const int64_t count = boxes.dim_size(0);
    OP_REQUIRES(context, indices.dims() == 1 && indices.dim_size(0) == count,
                InvalidArgument("box_ind must have ", count, " values, got ",
                                indices.shape().DebugString()));
    // A copy: another op may change what has been checked, in place.
    const tensorflow::int32* first_index =
        indices.flat<tensorflow::int32>().data();
    const std::vector<tensorflow::int32> box_image(first_index,
                                                   first_index + count);
    for (tensorflow::int32 image : box_image) {
      OP_REQUIRES(context, image >= 0 && image < input.dim_size(0),
                  InvalidArgument("box_ind must be in [0, ",
                                  input.dim_size(0), "), got ", image));
    }
    const int64_t input_height = input.dim_size(1);
    const int64_t input_width = input.dim_size(2);
    const int64_t channels = input.dim_size(3);
    OP_REQUIRES(context, count == 0 || (input_height > 0 && input_width > 0),
                InvalidArgument("image has no pixels: ",
                                input.shape().DebugString()));
    const int64_t height = crop_size_[0] / pool_size_;
    const int64_t width = crop_size_[1] / pool_size_;
    OP_REQUIRES_OK(context, CheckOutputSize(count, height, width, channels));
    Tensor* output;
    OP_REQUIRES_OK(
        context, AllocateOutput(context, 0,
                                TensorShape({count, height, width, channels}),
                                &output));
    if (output->NumElements() == 0) return;
    const float* image_data = input.flat<float>().data();
    const auto box = boxes.matrix<float>();
    float* output_data = output->flat<float>().data();
    const Kernels& kernels = PickKernels();
    const auto& workers = *context->device()->tensorflow_cpu_worker_threads();
    ShareOut(
        workers, count * height,
        CyclesPerUnit(count * height,
                      {width, channels, pool_size_ * pool_size_}),
        [&](int64_t first, int64_t last) {
          BilinearSample samples[kMostPoolSize * kMostPoolSize];
          for (int64_t i = first; i < last; ++i) {
            const int64_t b = i / height, y = i % height;
            const Image image = {image_data + box_image[b] * input_height *
                                                  input_width * channels,
                                 input_width, channels};
            const Axis vertical(box(b, 0), box(b, 2), crop_size_[0],
                                input_height);
            const Axis horizontal(box(b, 1), box(b, 3), crop_size_[1],
                                  input_width);
            for (int64_t x = 0; x < width; ++x) {
              int n = 0;
              for (int dy = 0; dy < pool_size_; ++dy) {
                for (int dx = 0; dx < pool_size_; ++dx) {
                  samples[n++] =
                      image.Sample(vertical, horizontal, y * pool_size_ + dy,
                                   x * pool_size_ + dx);
                }
              }
              kernels.bilinear_max(samples, n, extrapolation_value_, channels,
                                   output_data + (i * width + x) * channels);
            }
          }
        });
  }

 private:
  std::vector<tensorflow::int32> crop_size_;
  int pool_size_;
  float extrapolation_value_;
};

}  // namespace

REGISTER_OP("CropResizeMaxPool")
    .Input("image: float")
    .Input("boxes: float")
    .Input("box_ind: int32")
    .Output("output: float")
    .Attr("crop_size: list(int)")
    .Attr("pool_size: int")
    .Attr("extrapolation_value: float = 0")
    .SetShapeFn(CropShape)
    .Doc(R"doc(
Bilinear CropAndResize to crop_size, then a max pool of pool_size x pool_size
with the same stride.
)doc");

REGISTER_KERNEL_BUILDER(
    Name("CropResizeMaxPool").Device(tensorflow::DEVICE_CPU),
    CropResizeMaxPool);

}  // namespace sparse_ops
