#include "isa.h"

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tensorflow/core/platform/logging.h"

namespace sparse_ops {
namespace {

// The tables that this machine can run, the best one last.
std::vector<const Kernels*> Runnable() {
  std::vector<const Kernels*> tables = {&kBaselineKernels};
#if defined(SPARSE_OPS_AVX)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    tables.push_back(&kAvx2Kernels);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    tables.push_back(&kAvx512Kernels);
  }
#endif
  return tables;
}

const Kernels* Choose() {
  const std::vector<const Kernels*> tables = Runnable();
  const Kernels* best = tables.back();
  const char* wanted = std::getenv("ODP_SPARSE_ISA");
  if (wanted == nullptr || *wanted == '\0') return best;
  std::string names;
  for (const Kernels* table : tables) {
    if (std::strcmp(wanted, table->name) == 0) return table;
    names += std::string(names.empty() ? "" : ", ") + table->name;
  }
  LOG(WARNING) << "ODP_SPARSE_ISA=" << wanted
               << " is nothing that this processor runs (" << names
               << "); using " << best->name;
  return best;
}

}  // namespace

const Kernels& PickKernels() {
  static const Kernels* const kernels = Choose();
  return *kernels;
}

}  // namespace sparse_ops
