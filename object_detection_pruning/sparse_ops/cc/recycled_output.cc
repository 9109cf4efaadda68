#include "recycled_output.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "tensorflow/core/common_runtime/bfc_allocator.h"
#include "tensorflow/core/public/version.h"

namespace sparse_ops {

using tensorflow::OpKernelContext;
using tensorflow::Status;
using tensorflow::Tensor;
using tensorflow::TensorShape;

namespace {

// Smaller outputs the C library does not give back one by one. Larger ones would
// have the allocator ask for regions that no machine has.
const int64_t kFewestBytes = 128 * 1024;
const int64_t kMostBytes = 1024 * 1024 * 1024;
// More than any machine has: a limit of all outputs is not ours to set.
const size_t kMostBytesOfAll = size_t{1} << 46;
// Pages of this size, where the system has them, take 512 times fewer faults.
const size_t kHugePage = 2 * 1024 * 1024;

// Where the allocator gets the regions that it cuts up.
class SystemMemory : public tensorflow::SubAllocator {
 public:
  SystemMemory() : SubAllocator({}, {}) {}

#if TF_MAJOR_VERSION >= 2
  void* Alloc(size_t alignment, size_t num_bytes,
              size_t* bytes_received) override {
    *bytes_received = num_bytes;
    return Allocate(alignment, num_bytes);
  }

  // The C library takes back what it gave, and not two neighbours as one.
  bool SupportsCoalescing() const override { return false; }
#else
  void* Alloc(size_t alignment, size_t num_bytes) override {
    return Allocate(alignment, num_bytes);
  }
#endif

  void Free(void* memory, size_t num_bytes) override { std::free(memory); }

 private:
  void* Allocate(size_t alignment, size_t num_bytes) {
    void* memory = nullptr;
    if (posix_memalign(&memory, std::max(alignment, kHugePage), num_bytes) !=
        0) {
      return nullptr;
    }
    madvise(memory, num_bytes, MADV_HUGEPAGE);
    return memory;
  }
};

tensorflow::Allocator* NewAllocator() {
#if TF_MAJOR_VERSION >= 2
  tensorflow::BFCAllocator::Options options;
  options.allow_growth = true;
  return new tensorflow::BFCAllocator(
      std::unique_ptr<tensorflow::SubAllocator>(new SystemMemory),
      kMostBytesOfAll, "sparse_ops", options);
#else
  return new tensorflow::BFCAllocator(new SystemMemory, kMostBytesOfAll,
                                      /*allow_growth=*/true, "sparse_ops");
#endif
}

// TensorFlow's own allocator for GPUs, which never gives a region back: the most
// that outputs ever took at once stays with the process.
tensorflow::Allocator* SharedAllocator() {
  // Never destroyed: tensors may outlive everything else.
  static tensorflow::Allocator* const allocator = NewAllocator();
  return allocator;
}

// Under AddressSanitizer every output is a block of its own, with guards.
bool CanRecycle(int64_t bytes) {
#ifdef __SANITIZE_ADDRESS__
  return false;
#else
  return bytes >= kFewestBytes && bytes <= kMostBytes;
#endif
}

}  // namespace

Status AllocateOutput(OpKernelContext* context, int index,
                      const TensorShape& shape, Tensor** output) {
  // Memory with other demands, such as a GPU's, is TensorFlow's to find.
  const bool is_plain = context->output_alloc_attr(index).value == 0;
  if (!is_plain || !CanRecycle(shape.num_elements() * sizeof(float))) {
    return context->allocate_output(index, shape, output);
  }
  tensorflow::AllocationAttributes attributes;
#if TF_MAJOR_VERSION >= 2
  attributes.retry_on_failure = false;
#else
  attributes.no_retry_on_failure = true;
#endif
  const Tensor memory(SharedAllocator(), tensorflow::DT_FLOAT, shape,
                      attributes);
  if (!memory.IsInitialized()) {
    return context->allocate_output(index, shape, output);
  }
  context->set_output(index, memory);
  *output = context->mutable_output(index);
  return Status();
}

}  // namespace sparse_ops
