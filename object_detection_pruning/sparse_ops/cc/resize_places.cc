#include "resize_places.h"

#include <algorithm>
#include <cmath>

namespace sparse_ops {

std::vector<Between> PlacesOf(int64_t outputs, int64_t inputs,
                              bool align_corners) {
  const float scale =
      align_corners && outputs > 1
          ? static_cast<float>(inputs - 1) / static_cast<float>(outputs - 1)
          : static_cast<float>(inputs) / static_cast<float>(outputs);
  std::vector<Between> positions;
  positions.reserve(outputs);
  for (int64_t i = 0; i < outputs; ++i) {
    const float at = static_cast<float>(i) * scale;
    // Rounding may take the last one past the end.
    const int64_t lower =
        std::min(static_cast<int64_t>(std::floor(at)), inputs - 1);
    positions.push_back({lower, std::min(lower + 1, inputs - 1),
                      at - static_cast<float>(lower)});
  }
  return positions;
}

}  // namespace sparse_ops
