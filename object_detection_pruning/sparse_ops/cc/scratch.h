// Memory that a thread keeps from one block of work to the next.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_SCRATCH_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_SCRATCH_H_

#include <cstdlib>
#include <new>

#include "kernels.h"

namespace sparse_ops {

// Floats that grow as needed and are never cleared. Aligned to a page: buffers
// that start anywhere in one delay each other in some processes and not in others,
// by up to a half.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::free(data_); }

  float* Get(int64_t count) {
    if (count > capacity_) {
      std::free(data_);
      data_ = nullptr;
      capacity_ = 0;
      void* memory = nullptr;
      if (posix_memalign(&memory, 4096, count * sizeof(float)) != 0) {
        throw std::bad_alloc();
      }
      data_ = static_cast<float*>(memory);
      capacity_ = count;
    }
    return data_;
  }

 private:
  float* data_ = nullptr;
  int64_t capacity_ = 0;
};

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_SCRATCH_H_
