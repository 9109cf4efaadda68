// BatchSource: a vector holds one pixel of as many images as there are lanes.
//
// The crops of a second stage are small (7x7, 4x4) and many (100, 300). Along
// their rows vectors would be half empty; across images they are full, and
// every tap is an aligned vector of the padded planes.
#include <algorithm>

#include "panel_source.h"
#include "scratch.h"

namespace sparse_ops {
namespace {

const int kBlockVectors = 7;

class BatchPlan : public PanelPlan {
 public:
  BatchPlan(const ConvGeometry& geometry, const Kernels& kernels)
      : geometry_(geometry), kernels_(kernels) {
    const ConvGeometry& g = geometry_;
    const int64_t pixels = g.output_height * g.output_width;
    block_vectors = EvenBlockVectors(pixels, kBlockVectors);
    blocks_per_group_ = (pixels + block_vectors - 1) / block_vectors;
    const int64_t groups = (g.batch + kernels.lanes - 1) / kernels.lanes;
    blocks = groups * blocks_per_group_;
    padded_height_ =
        (g.output_height - 1) * g.stride_height + g.kernel_height;
    padded_width_ = (g.output_width - 1) * g.stride_width + g.kernel_width;
    plane_stride_ = padded_height_ * padded_width_ * kernels.lanes;
    if (plane_stride_ % 256 == 0) plane_stride_ += kernels.lanes;
  }

  std::unique_ptr<PanelSource> MakeSource() const override;

 private:
  friend class BatchSource;
  const ConvGeometry geometry_;
  const Kernels& kernels_;
  int64_t blocks_per_group_;
  int64_t padded_height_;
  int64_t padded_width_;
  int64_t plane_stride_;
};

class BatchSource : public PanelSource {
 public:
  explicit BatchSource(const BatchPlan& plan)
      : plan_(plan), zeros_(plan.geometry_.input_channels, 0.0f) {}

  void Begin(int64_t block_index, Block* block) override {
    const ConvGeometry& g = plan_.geometry_;
    const int lanes = plan_.kernels_.lanes;
    const int64_t group = block_index / plan_.blocks_per_group_;
    if (group != group_) {
      group_ = group;
      FillPlanes(group * lanes);
    }
    const int64_t pixels = g.output_height * g.output_width;
    first_ = block_index % plan_.blocks_per_group_ * plan_.block_vectors;
    vectors_ = std::min<int64_t>(plan_.block_vectors, pixels - first_);
    block->positions = vectors_ * lanes;
    block->outputs.assign(block->positions, -1);
    for (int64_t v = 0; v < vectors_; ++v) {
      for (int64_t i = 0; i < lanes; ++i) {
        const int64_t image = group * lanes + i;
        if (image >= g.batch) break;
        block->outputs[v * lanes + i] = image * pixels + first_ + v;
      }
    }
  }

  void Fill(const Segment& segment, float* panel,
            int64_t panel_stride) override {
    const ConvGeometry& g = plan_.geometry_;
    const int64_t ky = segment.tap / g.kernel_width;
    const int64_t kx = segment.tap % g.kernel_width;
    int64_t vector_offsets[kMaxBlockVectors];
    for (int64_t v = 0; v < vectors_; ++v) {
      const int64_t y = (first_ + v) / g.output_width * g.stride_height + ky;
      const int64_t x = (first_ + v) % g.output_width * g.stride_width + kx;
      vector_offsets[v] = (y * plan_.padded_width_ + x) * plan_.kernels_.lanes;
    }
    plan_.kernels_.copy_planes(
        planes_ + segment.first_channel * plan_.plane_stride_,
        plan_.plane_stride_, vector_offsets, vectors_, segment.channel_count,
        panel, panel_stride);
  }

 private:
  void FillPlanes(int64_t first_image) {
    static thread_local Scratch scratch;
    const ConvGeometry& g = plan_.geometry_;
    const int lanes = plan_.kernels_.lanes;
    planes_ = scratch.Get(g.input_channels * plan_.plane_stride_);
    pixels_.clear();
    for (int64_t r = 0; r < plan_.padded_height_; ++r) {
      const int64_t y = r - g.pad_top;
      for (int64_t c = 0; c < plan_.padded_width_; ++c) {
        const int64_t x = c - g.pad_left;
        const bool inside =
            y >= 0 && y < g.input_height && x >= 0 && x < g.input_width;
        for (int64_t i = 0; i < lanes; ++i) {
          const int64_t image = first_image + i;
          pixels_.push_back(
              inside && image < g.batch
                  ? g.input + ((image * g.input_height + y) * g.input_width +
                               x) *
                                  g.input_channels
                  : zeros_.data());
        }
      }
    }
    plan_.kernels_.gather(pixels_.data(), pixels_.size(), 0, g.input_channels,
                          planes_, plan_.plane_stride_);
  }

  const BatchPlan& plan_;
  const std::vector<float> zeros_;
  std::vector<const float*> pixels_;
  float* planes_ = nullptr;
  int64_t group_ = -1;
  int64_t first_ = 0;
  int64_t vectors_ = 0;
};

std::unique_ptr<PanelSource> BatchPlan::MakeSource() const {
  return std::unique_ptr<PanelSource>(new BatchSource(*this));
}

}  // namespace

std::unique_ptr<PanelPlan> PlanBatch(const ConvGeometry& geometry,
                                     const Kernels& kernels) {
  return std::unique_ptr<PanelPlan>(new BatchPlan(geometry, kernels));
}

}  // namespace sparse_ops
