#include "isa.h"

#include <cstdlib>
#include <cstring>

#include "tensorflow/core/platform/logging.h"

namespace sparse_ops {
namespace {

bool HasAvx512() {
  return __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

bool HasAvx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

const Kernels* Choose() {
  __builtin_cpu_init();
  const Kernels* best = &kBaselineKernels;
  if (HasAvx2()) best = &kAvx2Kernels;
  if (HasAvx512()) best = &kAvx512Kernels;
  const char* wanted = std::getenv("ODP_SPARSE_ISA");
  if (wanted == nullptr || *wanted == '\0') return best;
  const Kernels* tables[] = {&kBaselineKernels, &kAvx2Kernels,
                             &kAvx512Kernels};
  for (const Kernels* table : tables) {
    if (std::strcmp(wanted, table->name) != 0) continue;
    if (table->lanes <= best->lanes) return table;
    LOG(WARNING) << "ODP_SPARSE_ISA=" << wanted
                 << " does not run on this processor; using " << best->name;
    return best;
  }
  LOG(WARNING) << "ODP_SPARSE_ISA must be avx512, avx2 or baseline, got "
               << wanted << "; using " << best->name;
  return best;
}

}  // namespace

const Kernels& PickKernels() {
  static const Kernels* const kernels = Choose();
  return *kernels;
}

}  // namespace sparse_ops
