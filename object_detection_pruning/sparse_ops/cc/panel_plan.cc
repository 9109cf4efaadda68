// Which panel source serves which convolution.
#include "panel_source.h"

namespace sparse_ops {

int EvenBlockVectors(int64_t vectors, int most) {
  const int64_t blocks = (vectors + most - 1) / most;
  return static_cast<int>((vectors + blocks - 1) / blocks);
}

std::unique_ptr<PanelPlan> PlanPanels(const ConvGeometry& geometry,
                                      const Kernels& kernels) {
  std::unique_ptr<PanelPlan> plan;
  if (geometry.taps() > 1) plan = PlanTiles(geometry, kernels);
  return plan == nullptr ? PlanPixels(geometry, kernels) : std::move(plan);
}

}  // namespace sparse_ops
