// PlanarSource: bands of the image, transposed once.
//
// A band is some output rows of one image. Its planes hold, per input channel,
// the input rows below it with their padding, so that the input of output
// position f under a tap is at f plus a constant. Output rows are laid end to
// end with a pitch that leaves room for the window's overhang; the positions
// in between are computed and dropped. For a stride of 2 there is one plane
// for the even and one for the odd rows and columns.
#include <algorithm>

#include "panel_source.h"
#include "scratch.h"

namespace sparse_ops {
namespace {

// Leaves room in a second-level cache for weights and accumulators.
const int64_t kPlaneBytes = 512 * 1024;

class PlanarPlan : public PanelPlan {
 public:
  PlanarPlan(const ConvGeometry& geometry, const Kernels& kernels)
      : geometry_(geometry), kernels_(kernels) {
    const ConvGeometry& g = geometry_;
    row_phases_ = std::min(g.kernel_height, g.stride_height);
    column_phases_ = std::min(g.kernel_width, g.stride_width);
    overhang_rows_ = (g.kernel_height - 1) / g.stride_height;
    overhang_columns_ = (g.kernel_width - 1) / g.stride_width;
    pitch_ = g.output_width + overhang_columns_;
    const int64_t row_bytes = pitch_ * g.input_channels * row_phases_ *
                              column_phases_ * sizeof(float);
    const int64_t most = std::max<int64_t>(
        overhang_rows_ + 1, kPlaneBytes / row_bytes - overhang_rows_);
    const int64_t bands = (g.output_height + most - 1) / most;
    band_rows_ = (g.output_height + bands - 1) / bands;
    bands_per_image_ = (g.output_height + band_rows_ - 1) / band_rows_;
    const int lanes = kernels.lanes;
    const int64_t vectors = (band_rows_ * pitch_ + lanes - 1) / lanes;
    block_vectors = EvenBlockVectors(vectors, kernels.block_vectors);
    blocks_per_band_ = (vectors + block_vectors - 1) / block_vectors;
    blocks = g.batch * bands_per_image_ * blocks_per_band_;
    phase_size_ = (band_rows_ + overhang_rows_) * pitch_;
    // What the last vectors read past the end.
    const int64_t slack = overhang_columns_ + 2 * lanes;
    plane_stride_ = phase_size_ * row_phases_ * column_phases_ + slack;
    plane_stride_ = (plane_stride_ + lanes - 1) / lanes * lanes;
    // Channels a multiple of 4 KB apart would all fall into one cache set.
    if (plane_stride_ % 256 == 0) plane_stride_ += lanes;
  }

  std::unique_ptr<PanelSource> MakeSource() const override;

 private:
  friend class PlanarSource;
  const ConvGeometry geometry_;
  const Kernels& kernels_;
  int64_t row_phases_;
  int64_t column_phases_;
  int64_t overhang_rows_;
  int64_t overhang_columns_;
  int64_t pitch_;
  int64_t band_rows_;
  int64_t bands_per_image_;
  int64_t blocks_per_band_;
  int64_t phase_size_;
  int64_t plane_stride_;
};

class PlanarSource : public PanelSource {
 public:
  explicit PlanarSource(const PlanarPlan& plan)
      : plan_(plan), zeros_(plan.geometry_.input_channels, 0.0f) {}

  void Begin(int64_t block_index, Block* block) override {
    const ConvGeometry& g = plan_.geometry_;
    const int lanes = plan_.kernels_.lanes;
    const int64_t band = block_index / plan_.blocks_per_band_;
    const int64_t image = band / plan_.bands_per_image_;
    const int64_t first_row =
        band % plan_.bands_per_image_ * plan_.band_rows_;
    if (band != band_) {
      band_ = band;
      FillPlanes(image, first_row);
    }
    const int64_t rows =
        std::min(plan_.band_rows_, g.output_height - first_row);
    first_ = block_index % plan_.blocks_per_band_ * plan_.block_vectors *
             lanes;
    const int64_t count =
        std::min<int64_t>(plan_.block_vectors * lanes,
                          std::max<int64_t>(0, rows * plan_.pitch_ - first_));
    block->positions = (count + lanes - 1) / lanes * lanes;
    block->outputs.assign(block->positions, -1);
    vectors_ = block->positions / lanes;
    int64_t x = first_ % plan_.pitch_, y = first_row + first_ / plan_.pitch_;
    for (int64_t i = 0; i < count; ++i) {
      if (x < g.output_width) {
        block->outputs[i] =
            (image * g.output_height + y) * g.output_width + x;
      }
      if (++x == plan_.pitch_) {
        x = 0;
        ++y;
      }
    }
  }

  void Fill(const Segment& segment, float* panel,
            int64_t panel_stride) override {
    const ConvGeometry& g = plan_.geometry_;
    const int64_t ky = segment.tap / g.kernel_width;
    const int64_t kx = segment.tap % g.kernel_width;
    const int64_t phase = ky % g.stride_height * plan_.column_phases_ +
                          kx % g.stride_width;
    const int64_t offset = phase * plan_.phase_size_ +
                           ky / g.stride_height * plan_.pitch_ +
                           kx / g.stride_width + first_;
    int64_t vector_offsets[kMaxBlockVectors];
    for (int64_t v = 0; v < vectors_; ++v) {
      vector_offsets[v] = offset + v * plan_.kernels_.lanes;
    }
    plan_.kernels_.copy_planes(
        planes_ + segment.first_channel * plan_.plane_stride_,
        plan_.plane_stride_, vector_offsets, vectors_, segment.channel_count,
        panel, panel_stride);
  }

 private:
  void FillPlanes(int64_t image, int64_t first_row) {
    static thread_local Scratch scratch;
    const ConvGeometry& g = plan_.geometry_;
    planes_ = scratch.Get(g.input_channels * plan_.plane_stride_ +
                          kMaxBlockVectors * plan_.kernels_.lanes);
    pixels_.clear();
    for (int64_t phase_y = 0; phase_y < plan_.row_phases_; ++phase_y) {
      for (int64_t phase_x = 0; phase_x < plan_.column_phases_; ++phase_x) {
        PointPhase(image, first_row * g.stride_height + phase_y - g.pad_top,
                   phase_x - g.pad_left);
      }
    }
    pixels_.resize(plan_.plane_stride_, zeros_.data());
    plan_.kernels_.gather(pixels_.data(), plan_.plane_stride_, 0,
                          g.input_channels, planes_, plan_.plane_stride_);
  }

  // The pixels of one phase, whose first is at (top, left) of the image.
  void PointPhase(int64_t image, int64_t top, int64_t left) {
    const ConvGeometry& g = plan_.geometry_;
    for (int64_t r = 0; r < plan_.band_rows_ + plan_.overhang_rows_; ++r) {
      const int64_t y = top + r * g.stride_height;
      const float* row =
          g.input +
          (image * g.input_height + y) * g.input_width * g.input_channels;
      const bool inside = y >= 0 && y < g.input_height;
      for (int64_t c = 0; c < plan_.pitch_; ++c) {
        const int64_t x = left + c * g.stride_width;
        pixels_.push_back(inside && x >= 0 && x < g.input_width
                              ? row + x * g.input_channels
                              : zeros_.data());
      }
    }
  }

  const PlanarPlan& plan_;
  const std::vector<float> zeros_;
  std::vector<const float*> pixels_;
  float* planes_ = nullptr;
  int64_t band_ = -1;
  int64_t first_ = 0;
  int64_t vectors_ = 0;
};

std::unique_ptr<PanelSource> PlanarPlan::MakeSource() const {
  return std::unique_ptr<PanelSource>(new PlanarSource(*this));
}

}  // namespace

std::unique_ptr<PanelPlan> PlanPlanar(const ConvGeometry& geometry,
                                      const Kernels& kernels) {
  return std::unique_ptr<PanelPlan>(new PlanarPlan(geometry, kernels));
}

}  // namespace sparse_ops
