// Fills the table of the instruction set that is being compiled for.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_KERNEL_TABLE_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_KERNEL_TABLE_H_

#include "bilinear_kernel.h"
#include "cast_kernel.h"
#include "dense_kernel.h"
#include "depthwise_kernel.h"
#include "panel_kernel.h"
#include "pool_kernel.h"
#include "sparse_product_kernel.h"

#define SPARSE_OPS_KERNEL_TABLE(name)                                       \
  {                                                                         \
    name, kLanes, kBlockVectors, kGroup, Gather, Scatter, MultiplySparse,   \
        ComputeDepthwiseTile, DepthwiseRow, DenseRow, PoolRow<Maximum>,     \
        PoolRow<Average>, BilinearMax, CastBytes                            \
  }

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_KERNEL_TABLE_H_
