// The attributes that all window ops share: strides, padding, activation.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_WINDOW_ATTRIBUTES_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_WINDOW_ATTRIBUTES_H_

#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "kernels.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace sparse_ops {

// The longest side of an image. Sums and products of a side and of what windows
// add to it fit in 64 bits.
const tensorflow::int32 kMaxSide = std::numeric_limits<tensorflow::int32>::max();

// One axis of a window: how far it reaches over the input's border, and how
// many outputs it has.
struct Extent {
  int64_t output = 0;
  int64_t pad_before = 0;
};

struct WindowAttributes {
  int64_t stride_height = 1;
  int64_t stride_width = 1;
  std::string padding;
  // Top, bottom, left, right; only for padding EXPLICIT.
  std::vector<tensorflow::int32> explicit_paddings;

  // Raises InvalidArgument where the window does not fit the image, where a side
  // of the image is longer than kMaxSide, or where
  // explicit padding is not smaller than the kernel: a window must never lie
  // on padding alone.
  tensorflow::Status Height(int64_t input, int64_t kernel,
                            Extent* extent) const;
  tensorflow::Status Width(int64_t input, int64_t kernel,
                           Extent* extent) const;
};

// Reads two positive numbers, height and width, from the construction of a
// kernel or from shape inference.
template <typename Context>
tensorflow::Status ReadSize(Context* context, const char* name,
                            std::vector<tensorflow::int32>* size,
                            tensorflow::int32 most = kMaxSide);

// Reads `strides`, `padding` and `explicit_paddings` from the construction of
// a kernel or from shape inference, and checks them.
template <typename Context>
tensorflow::Status ReadWindowAttributes(Context* context,
                                        WindowAttributes* attributes);

// The range of the attribute `activation`: none, relu or relu6.
tensorflow::Status ReadActivation(tensorflow::OpKernelConstruction* context,
                                  const char* name, Range* range);

// Sets output(index) to [batch, height, width, depth] of a window op on
// input(0). Sizes that are not known yet stay unknown.
tensorflow::Status SetWindowShape(
    tensorflow::shape_inference::InferenceContext* context, int index,
    const WindowAttributes& attributes,
    tensorflow::shape_inference::DimensionHandle kernel_height,
    tensorflow::shape_inference::DimensionHandle kernel_width,
    tensorflow::shape_inference::DimensionHandle depth);

// Whether batch * height * width * depth can be counted and allocated. The
// product of all sizes but zeros must fit: TensorShape multiplies them in order,
// and ends the process where that overflows before it comes to the zero.
tensorflow::Status CheckOutputSize(int64_t batch, int64_t height,
                                   int64_t width, int64_t depth);

// The product of factors, as the cycles that each of `units` takes. At least 1;
// where cycles of all units would overflow, as many as do not.
int64_t CyclesPerUnit(int64_t units, std::initializer_list<int64_t> factors);

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_WINDOW_ATTRIBUTES_H_
