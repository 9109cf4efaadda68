// Which panel source serves which convolution.
#include "panel_source.h"

namespace sparse_ops {
namespace {

// Share of the vectors' lanes that hold outputs, for the batch source.
double BatchUse(const ConvGeometry& g, int lanes) {
  const int64_t groups = (g.batch + lanes - 1) / lanes;
  return static_cast<double>(g.batch) / (groups * lanes);
}

double PlanarUse(const ConvGeometry& g, int lanes) {
  const int64_t pitch =
      g.output_width + (g.kernel_width - 1) / g.stride_width;
  const int64_t vectors = (g.output_height * pitch + lanes - 1) / lanes;
  return static_cast<double>(g.output_height * g.output_width) /
         (vectors * lanes);
}

// Planes of larger images would fall out of the second-level cache.
const int64_t kMostBatchFloats = 320 * 1024;
const int64_t kFewestPlanarVectors = 8;
const double kLeastUse = 0.7;

}  // namespace

int EvenBlockVectors(int64_t vectors, int most) {
  const int64_t blocks = (vectors + most - 1) / most;
  return static_cast<int>((vectors + blocks - 1) / blocks);
}

std::unique_ptr<PanelPlan> PlanPanels(const ConvGeometry& g,
                                      const Kernels& kernels) {
  if (g.taps() == 1) return PlanPixels(g, kernels);
  const double planar = PlanarUse(g, kernels.lanes);
  const double batch = BatchUse(g, kernels.lanes);
  const int64_t padded_height =
      (g.output_height - 1) * g.stride_height + g.kernel_height;
  const int64_t padded_width =
      (g.output_width - 1) * g.stride_width + g.kernel_width;
  if (batch >= kLeastUse && batch >= planar &&
      padded_height * padded_width * kernels.lanes * g.input_channels <=
          kMostBatchFloats) {
    return PlanBatch(g, kernels);
  }
  if (planar >= kLeastUse && g.output_height * g.output_width >=
                                 kFewestPlanarVectors * kernels.lanes) {
    return PlanPlanar(g, kernels);
  }
  return PlanPixels(g, kernels);
}

}  // namespace sparse_ops
