// Picks the kernels for this machine, once per process.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_ISA_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_ISA_H_

#include "kernels.h"

namespace sparse_ops {

// The best table that the processor can run, or the one that the environment
// variable ODP_SPARSE_ISA names (avx512, avx2, baseline) where it can run.
const Kernels& PickKernels();

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_ISA_H_
