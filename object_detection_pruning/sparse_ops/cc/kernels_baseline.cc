#include "kernel_table.h"

namespace sparse_ops {

const Kernels kBaselineKernels = SPARSE_OPS_KERNEL_TABLE("baseline");

}  // namespace sparse_ops
