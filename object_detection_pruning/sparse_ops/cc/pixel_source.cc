// PixelSource: panels straight from the NHWC image.
#include <algorithm>

#include "panel_source.h"

namespace sparse_ops {
namespace {

class PixelPlan : public PanelPlan {
 public:
  PixelPlan(const ConvGeometry& geometry, const Kernels& kernels)
      : geometry_(geometry), kernels_(kernels) {
    const int64_t pixels = geometry.output_pixels();
    block_vectors = EvenBlockVectors(
        (pixels + kernels.lanes - 1) / kernels.lanes, kernels.block_vectors);
    layout.line_floats = block_vectors * kernels.lanes;
    blocks = (pixels + layout.line_floats - 1) / layout.line_floats;
  }

  std::unique_ptr<PanelSource> MakeSource() const override;

 private:
  friend class PixelSource;
  const ConvGeometry geometry_;
  const Kernels& kernels_;
};

class PixelSource : public PanelSource {
 public:
  explicit PixelSource(const PixelPlan& plan)
      : plan_(plan),
        width_(plan.layout.line_floats),
        pixels_(plan.geometry_.taps() * width_),
        zeros_(plan.geometry_.input_channels, 0.0f) {}

  void Begin(int64_t block_index, Block* block) override {
    const ConvGeometry& g = plan_.geometry_;
    const int lanes = plan_.kernels_.lanes;
    const int64_t first = block_index * width_;
    const int64_t count = std::min(width_, g.output_pixels() - first);
    block->positions = (count + lanes - 1) / lanes * lanes;
    block->outputs.assign(block->positions, -1);
    positions_ = block->positions;
    if (g.taps() == 1 && g.stride_height == 1 && g.stride_width == 1 &&
        g.pad_top == 0 && g.pad_left == 0) {
      for (int64_t i = 0; i < count; ++i) {
        block->outputs[i] = first + i;
        pixels_[i] = g.input + (first + i) * g.input_channels;
      }
      std::fill(pixels_.begin() + count, pixels_.begin() + positions_,
                zeros_.data());
      return;
    }
    int64_t x = first % g.output_width;
    int64_t y = first / g.output_width % g.output_height;
    int64_t image = first / g.output_width / g.output_height;
    for (int64_t i = 0; i < positions_; ++i) {
      if (i >= count) {
        for (int64_t t = 0; t < g.taps(); ++t) {
          pixels_[t * width_ + i] = zeros_.data();
        }
        continue;
      }
      block->outputs[i] = first + i;
      PointTaps(image, y * g.stride_height - g.pad_top,
                x * g.stride_width - g.pad_left, i);
      if (++x < g.output_width) continue;
      x = 0;
      if (++y < g.output_height) continue;
      y = 0;
      ++image;
    }
  }

  void Fill(const Segment& segment, float* panel,
            int64_t line_floats) override {
    plan_.kernels_.gather(pixels_.data() + segment.tap * width_, positions_,
                          segment.first_channel, segment.channel_count, panel,
                          line_floats);
  }

 private:
  // The pixels under the window whose first tap is at (top, left); zeros where
  // a tap lies on padding.
  void PointTaps(int64_t image, int64_t top, int64_t left, int64_t position) {
    const ConvGeometry& g = plan_.geometry_;
    const float** out = &pixels_[position];
    for (int64_t ky = 0; ky < g.kernel_height; ++ky) {
      const int64_t y = top + ky;
      for (int64_t kx = 0; kx < g.kernel_width; ++kx, out += width_) {
        const int64_t x = left + kx;
        *out = y < 0 || y >= g.input_height || x < 0 || x >= g.input_width
                   ? zeros_.data()
                   : g.input + ((image * g.input_height + y) * g.input_width +
                                x) *
                                   g.input_channels;
      }
    }
  }

  const PixelPlan& plan_;
  const int64_t width_;
  std::vector<const float*> pixels_;  // [tap][position]
  const std::vector<float> zeros_;
  int64_t positions_ = 0;
};

std::unique_ptr<PanelSource> PixelPlan::MakeSource() const {
  return std::unique_ptr<PanelSource>(new PixelSource(*this));
}

}  // namespace

std::unique_ptr<PanelPlan> PlanPixels(const ConvGeometry& geometry,
                                      const Kernels& kernels) {
  return std::unique_ptr<PanelPlan>(new PixelPlan(geometry, kernels));
}

}  // namespace sparse_ops
