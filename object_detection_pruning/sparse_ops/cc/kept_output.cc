#include "kept_output.h"

#include "tensorflow/core/common_runtime/dma_helper.h"

namespace sparse_ops {

using tensorflow::OpKernelContext;
using tensorflow::Status;
using tensorflow::Tensor;
using tensorflow::TensorShape;

namespace {

const int64_t kFewestFloats = 2 * 1024 * 1024;

}  // namespace

bool KeptOutput::IsFree() const {
  return tensorflow::DMAHelper::buffer(&kept_)->RefCountIsOne();
}

Status KeptOutput::Allocate(OpKernelContext* context, int index,
                            const TensorShape& shape, Tensor** output) {
  if (shape.num_elements() < kFewestFloats) {
    return context->allocate_output(index, shape, output);
  }
  tensorflow::mutex_lock lock(mutex_);
  const bool fits = kept_.shape() == shape;
  if (fits && IsFree()) {
    context->set_output(index, kept_);
    *output = context->mutable_output(index);
    return Status::OK();
  }
  TF_RETURN_IF_ERROR(context->allocate_output(index, shape, output));
  if (!fits) kept_ = **output;
  return Status::OK();
}

}  // namespace sparse_ops
