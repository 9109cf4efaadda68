// Work that TensorFlow's own threads share out among them.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_SHARING_OUT_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_SHARING_OUT_H_

#include "tensorflow/core/framework/device_base.h"
#include "tensorflow/core/util/work_sharder.h"

namespace sparse_ops {

#ifndef SPARSE_OPS_CALLED_BY_VALUE

template <typename Work>
const Work& AsCalled(const Work& work) {
  return work;
}

#endif

// Calls work(first, last) for ranges of 0 .. count, and waits for all of them.
template <typename Work>
void ShareOut(const tensorflow::DeviceBase::CpuWorkerThreads& workers,
              int64_t count, int64_t cycles, const Work& work) {
  tensorflow::Shard(workers.num_threads, workers.workers, count, cycles,
                    AsCalled(work));
}

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_SHARING_OUT_H_
