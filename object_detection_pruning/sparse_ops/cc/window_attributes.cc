#include "window_attributes.h"

#include <algorithm>
#include <limits>

namespace sparse_ops {

using tensorflow::OpKernelConstruction;
using tensorflow::Status;
using tensorflow::errors::InvalidArgument;
using tensorflow::shape_inference::DimensionHandle;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

namespace {

// Far beyond any real kernel or pool; a window may be larger than its image,
// so a malformed graph could ask for any amount of memory.
const int64_t kMaxKernelSize = 4096;

Status WindowExtent(const std::string& padding, int64_t explicit_before,
                    int64_t explicit_after, int64_t input, int64_t kernel,
                    int64_t stride, Extent* extent) {
  if (kernel < 1 || kernel > kMaxKernelSize) {
    return InvalidArgument("kernel size must be in [1, ", kMaxKernelSize,
                           "], got ", kernel);
  }
  if (input > kMaxSide) {
    return InvalidArgument("an image side must be at most ", kMaxSide,
                           ", got ", input);
  }
  if (padding == "SAME") {
    extent->output = (input + stride - 1) / stride;
    const int64_t covered = (extent->output - 1) * stride + kernel;
    extent->pad_before = std::max<int64_t>(0, covered - input) / 2;
    return Status();
  }
  int64_t padded = input;
  extent->pad_before = 0;
  if (padding == "EXPLICIT") {
    if (explicit_before >= kernel || explicit_after >= kernel) {
      return InvalidArgument(
          "explicit_paddings must be smaller than the kernel size ", kernel,
          ", got ", explicit_before, " and ", explicit_after);
    }
    padded += explicit_before + explicit_after;
    extent->pad_before = explicit_before;
  }
  if (padded < kernel) {
    return InvalidArgument("a window of size ", kernel,
                           " does not fit an input of size ", padded,
                           " (padding included)");
  }
  extent->output = (padded - kernel) / stride + 1;
  return Status();
}

}  // namespace

Status WindowAttributes::Height(int64_t input, int64_t kernel,
                                Extent* extent) const {
  const bool is_explicit = padding == "EXPLICIT";
  return WindowExtent(padding, is_explicit ? explicit_paddings[0] : 0,
                      is_explicit ? explicit_paddings[1] : 0, input, kernel,
                      stride_height, extent);
}

Status WindowAttributes::Width(int64_t input, int64_t kernel,
                               Extent* extent) const {
  const bool is_explicit = padding == "EXPLICIT";
  return WindowExtent(padding, is_explicit ? explicit_paddings[2] : 0,
                      is_explicit ? explicit_paddings[3] : 0, input, kernel,
                      stride_width, extent);
}

template <typename Context>
Status ReadSize(Context* context, const char* name,
                std::vector<tensorflow::int32>* size,
                tensorflow::int32 most) {
  TF_RETURN_IF_ERROR(context->GetAttr(name, size));
  if (size->size() != 2 || (*size)[0] < 1 || (*size)[1] < 1) {
    return InvalidArgument(name,
                           " must be two positive numbers: height, width");
  }
  if (std::max((*size)[0], (*size)[1]) > most) {
    return InvalidArgument(name, " must be at most ", most, ", got ",
                           (*size)[0], " and ", (*size)[1]);
  }
  return Status();
}

template Status ReadSize(OpKernelConstruction*, const char*,
                         std::vector<tensorflow::int32>*, tensorflow::int32);
template Status ReadSize(InferenceContext*, const char*,
                         std::vector<tensorflow::int32>*, tensorflow::int32);

template <typename Context>
Status ReadWindowAttributes(Context* context, WindowAttributes* attributes) {
  std::vector<tensorflow::int32> strides;
  TF_RETURN_IF_ERROR(ReadSize(context, "strides", &strides));
  attributes->stride_height = strides[0];
  attributes->stride_width = strides[1];
  TF_RETURN_IF_ERROR(context->GetAttr("padding", &attributes->padding));
  TF_RETURN_IF_ERROR(
      context->GetAttr("explicit_paddings", &attributes->explicit_paddings));
  const std::vector<tensorflow::int32>& pads = attributes->explicit_paddings;
  const size_t expected = attributes->padding == "EXPLICIT" ? 4 : 0;
  if (pads.size() != expected) {
    return InvalidArgument("explicit_paddings must have ", expected,
                           " numbers for padding ", attributes->padding,
                           ", got ", pads.size());
  }
  for (tensorflow::int32 pad : pads) {
    if (pad < 0) {
      return InvalidArgument("explicit_paddings must be >= 0, got ", pad);
    }
  }
  return Status();
}

template Status ReadWindowAttributes(OpKernelConstruction*, WindowAttributes*);
template Status ReadWindowAttributes(InferenceContext*, WindowAttributes*);

Status ReadActivation(OpKernelConstruction* context, const char* name,
                      Range* range) {
  std::string activation;
  TF_RETURN_IF_ERROR(context->GetAttr(name, &activation));
  const float infinity = std::numeric_limits<float>::infinity();
  range->lower = activation == "none" ? -infinity : 0.0f;
  range->upper = activation == "relu6" ? 6.0f : infinity;
  return Status();
}

Status SetWindowShape(InferenceContext* context, int index,
                      const WindowAttributes& attributes,
                      DimensionHandle kernel_height,
                      DimensionHandle kernel_width, DimensionHandle depth) {
  ShapeHandle input;
  TF_RETURN_IF_ERROR(context->WithRank(context->input(0), 4, &input));
  DimensionHandle height = context->UnknownDim();
  DimensionHandle width = context->UnknownDim();
  Extent extent;
  if (context->ValueKnown(context->Dim(input, 1)) &&
      context->ValueKnown(kernel_height)) {
    TF_RETURN_IF_ERROR(
        attributes.Height(context->Value(context->Dim(input, 1)),
                          context->Value(kernel_height), &extent));
    height = context->MakeDim(extent.output);
  }
  if (context->ValueKnown(context->Dim(input, 2)) &&
      context->ValueKnown(kernel_width)) {
    TF_RETURN_IF_ERROR(
        attributes.Width(context->Value(context->Dim(input, 2)),
                         context->Value(kernel_width), &extent));
    width = context->MakeDim(extent.output);
  }
  context->set_output(
      index, context->MakeShape({context->Dim(input, 0), height, width,
                                 depth}));
  return Status();
}

Status CheckOutputSize(int64_t batch, int64_t height, int64_t width,
                       int64_t depth) {
  int64_t room = std::numeric_limits<int64_t>::max() / sizeof(float);
  for (int64_t size : {batch, height, width, depth}) {
    if (size > 0) room /= size;
  }
  if (room < 1) {
    return InvalidArgument("output [", batch, ", ", height, ", ", width, ", ",
                           depth, "] is too large");
  }
  return Status();
}

int64_t CyclesPerUnit(int64_t units, std::initializer_list<int64_t> factors) {
  const int64_t most =
      std::numeric_limits<int64_t>::max() / std::max<int64_t>(1, units);
  int64_t product = 1;
  for (int64_t factor : factors) {
    factor = std::max<int64_t>(1, factor);
    product = product > most / factor ? most : product * factor;
  }
  return product;
}

}  // namespace sparse_ops
