#include "kernel_table.h"

namespace sparse_ops {

const Kernels kAvx512Kernels = SPARSE_OPS_KERNEL_TABLE("avx512");

}  // namespace sparse_ops
