#include "kernel_table.h"

namespace sparse_ops {

const Kernels kAvx2Kernels = SPARSE_OPS_KERNEL_TABLE("avx2");

}  // namespace sparse_ops
