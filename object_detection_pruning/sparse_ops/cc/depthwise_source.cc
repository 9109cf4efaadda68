// DepthwiseSource: panels are the results of a depthwise 3x3 convolution.
#include <algorithm>

#include "panel_source.h"

namespace sparse_ops {
namespace {

const int kTaps = 3;

// Bit t of a mask stands for tap t of the 3x3 window. These are the taps of
// one row, and the same column in every row.
const uint16_t kRowTaps = 7;
const uint16_t kColumnTaps = 1 | 1 << kTaps | 1 << 2 * kTaps;
const uint16_t kAllTaps = (1 << kTaps * kTaps) - 1;

class DepthwisePlan : public PanelPlan {
 public:
  DepthwisePlan(const ConvGeometry& geometry, const DepthwiseStage& stage,
                const Kernels& kernels)
      : geometry_(geometry), stage_(stage), kernels_(kernels) {
    const int64_t pixels = geometry.output_pixels();
    block_vectors = EvenBlockVectors(
        (pixels + kernels.lanes - 1) / kernels.lanes, kernels.block_vectors);
    layout.line_floats = block_vectors * kernels.lanes;
    blocks = (pixels + layout.line_floats - 1) / layout.line_floats;
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
        width_(plan.layout.line_floats),
        windows_(width_),
        tap_masks_(width_),
        run_lengths_(width_) {
    const ConvGeometry& g = plan.geometry_;
    column_masks_.reserve(g.output_width);
    for (int64_t x = 0; x < g.output_width; ++x) {
      column_masks_.push_back(MaskAlong(x * g.stride_width - g.pad_left,
                                        g.input_width, kColumnTaps, 1));
    }
  }

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
    for (int64_t i = 0; i < count;) {
      const int64_t columns = std::min(g.output_width - x, count - i);
      BeginRow(image, y, x, columns, i);
      for (const int64_t end = i + columns; i < end; ++i) {
        block->outputs[i] = first + i;
      }
      x = 0;
      if (++y < g.output_height) continue;
      y = 0;
      ++image;
    }
    for (int64_t i = count; i < positions_; ++i) {
      windows_[i] = g.input;
      tap_masks_[i] = 0;
      run_lengths_[i] = 0;
    }
  }

  void Fill(const Segment& segment, float* panel,
            int64_t line_floats) override {
    const ConvGeometry& g = plan_.geometry_;
    DepthwiseTile tile;
    tile.windows = windows_.data();
    tile.tap_masks = tap_masks_.data();
    tile.run_lengths = run_lengths_.data();
    tile.positions = positions_;
    tile.image_row_stride = g.input_width * g.input_channels;
    tile.stride = g.stride_width;
    tile.channels = g.input_channels;
    tile.first_channel = segment.first_channel;
    tile.channel_count = segment.channel_count;
    tile.weights = plan_.stage_.weights;
    tile.bias = plan_.stage_.bias;
    tile.range = plan_.stage_.range;
    tile.panel = panel;
    tile.panel_stride = line_floats;
    plan_.kernels_.depthwise_tile(tile);
  }

 private:
  // Which of the three taps along one axis lie inside of the image.
  static uint16_t MaskAlong(int64_t begin, int64_t size, uint16_t taps,
                            int shift) {
    uint16_t mask = 0;
    for (int t = 0; t < kTaps; ++t) {
      if (begin + t >= 0 && begin + t < size) mask |= taps << t * shift;
    }
    return mask;
  }

  // Positions [first, first + columns), which lie side by side in row y.
  void BeginRow(int64_t image, int64_t y, int64_t x, int64_t columns,
                int64_t first) {
    const ConvGeometry& g = plan_.geometry_;
    const int64_t top = y * g.stride_height - g.pad_top;
    const int64_t left = x * g.stride_width - g.pad_left;
    const uint16_t rows = MaskAlong(top, g.input_height, kRowTaps, kTaps);
    const float* window =
        g.input + ((image * g.input_height + top) * g.input_width + left) *
                      g.input_channels;
    const int64_t step = g.stride_width * g.input_channels;
    int32_t run = 0;
    for (int64_t i = columns - 1; i >= 0; --i) {
      const uint16_t mask = rows & column_masks_[x + i];
      run = mask == kAllTaps ? run + 1 : 0;
      windows_[first + i] = window + i * step;
      tap_masks_[first + i] = mask;
      run_lengths_[first + i] = run;
    }
  }

  const DepthwisePlan& plan_;
  const int64_t width_;
  std::vector<const float*> windows_;
  std::vector<uint16_t> tap_masks_;
  std::vector<int32_t> run_lengths_;
  std::vector<uint16_t> column_masks_;
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
