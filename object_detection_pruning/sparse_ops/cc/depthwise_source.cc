// DepthwiseSource: panels are the results of a depthwise 3x3 convolution.
#include <algorithm>

#include "panel_source.h"

namespace sparse_ops {
namespace {

const int kBlockVectors = 5;
const int kTaps = 3;

class DepthwisePlan : public PanelPlan {
 public:
  DepthwisePlan(const ConvGeometry& geometry, const DepthwiseStage& stage,
                const Kernels& kernels)
      : geometry_(geometry), stage_(stage), kernels_(kernels) {
    const int64_t pixels = geometry.output_pixels();
    block_vectors = EvenBlockVectors(
        (pixels + kernels.lanes - 1) / kernels.lanes, kBlockVectors);
    const int64_t width = block_vectors * kernels.lanes;
    blocks = (pixels + width - 1) / width;
  }

  std::unique_ptr<PanelSource> MakeSource() const override;

 private:
  friend class DepthwiseSource;
  const ConvGeometry geometry_;
  const DepthwiseStage stage_;
  const Kernels& kernels_;
};

class DepthwiseSource : public PanelSource {
 public:
  explicit DepthwiseSource(const DepthwisePlan& plan)
      : plan_(plan),
        width_(plan.block_vectors * plan.kernels_.lanes),
        windows_(width_),
        tap_masks_(width_) {}

  void Begin(int64_t block_index, Block* block) override {
    const ConvGeometry& g = plan_.geometry_;
    const int lanes = plan_.kernels_.lanes;
    const int64_t first = block_index * width_;
    const int64_t count = std::min(width_, g.output_pixels() - first);
    positions_ = (count + lanes - 1) / lanes * lanes;
    block->positions = positions_;
    block->outputs.assign(positions_, -1);
    int64_t x = first % g.output_width;
    int64_t y = first / g.output_width % g.output_height;
    int64_t image = first / g.output_width / g.output_height;
    for (int64_t i = 0; i < count; ++i) {
      block->outputs[i] = first + i;
      const int64_t top = y * g.stride_height - g.pad_top;
      const int64_t left = x * g.stride_width - g.pad_left;
      windows_[i] = g.input + ((image * g.input_height + top) * g.input_width +
                               left) *
                                  g.input_channels;
      tap_masks_[i] = TapsInside(top, left);
      if (++x < g.output_width) continue;
      x = 0;
      if (++y < g.output_height) continue;
      y = 0;
      ++image;
    }
    for (int64_t i = count; i < positions_; ++i) {
      windows_[i] = g.input;
      tap_masks_[i] = 0;
    }
  }

  void Fill(const Segment& segment, float* panel,
            int64_t panel_stride) override {
    const ConvGeometry& g = plan_.geometry_;
    DepthwiseTile tile;
    tile.windows = windows_.data();
    tile.tap_masks = tap_masks_.data();
    tile.positions = positions_;
    tile.image_row_stride = g.input_width * g.input_channels;
    tile.channels = g.input_channels;
    tile.first_channel = segment.first_channel;
    tile.channel_count = segment.channel_count;
    tile.weights = plan_.stage_.weights;
    tile.bias = plan_.stage_.bias;
    tile.range = plan_.stage_.range;
    tile.panel = panel;
    tile.panel_stride = panel_stride;
    plan_.kernels_.depthwise_tile(tile);
  }

 private:
  uint16_t TapsInside(int64_t top, int64_t left) const {
    const ConvGeometry& g = plan_.geometry_;
    uint16_t mask = 0;
    for (int t = 0; t < kTaps * kTaps; ++t) {
      const int64_t y = top + t / kTaps, x = left + t % kTaps;
      if (y >= 0 && y < g.input_height && x >= 0 && x < g.input_width) {
        mask |= 1 << t;
      }
    }
    return mask;
  }

  const DepthwisePlan& plan_;
  const int64_t width_;
  std::vector<const float*> windows_;
  std::vector<uint16_t> tap_masks_;
  int64_t positions_ = 0;
};

std::unique_ptr<PanelSource> DepthwisePlan::MakeSource() const {
  return std::unique_ptr<PanelSource>(new DepthwiseSource(*this));
}

}  // namespace

std::unique_ptr<PanelPlan> PlanDepthwise(const ConvGeometry& geometry,
                                         const DepthwiseStage& stage,
                                         const Kernels& kernels) {
  return std::unique_ptr<PanelPlan>(
      new DepthwisePlan(geometry, stage, kernels));
}

}  // namespace sparse_ops
