// TileSource: a vector holds one pixel of as many tiles as there are lanes.
//
// Images are cut into tiles, and each lane takes one: small images are tiles as
// they are, as many of them as there are, and a large one is cut into a grid.
// A step to the next column is then a step to the next vector for all lanes at
// once. So the rows of a window serve all of its taps, each a row of vectors
// that is aligned, and nothing is copied from tap to tap.
//
// A panel line is the window of a block in one channel: kernel_height rows of
// the columns below `block_vectors` outputs side by side. For a stride of 2
// the even columns come first, then the odd ones.
#include <algorithm>

#include "panel_source.h"

namespace sparse_ops {
namespace {

// A row of seven is one block, which the crops of a second stage are.
const int kMostVectors = kMaxBlockVectors;
// The least share of the lanes' pixels that must be outputs.
const double kLeastUse = 0.7;
// What a block takes besides its vectors, in vectors.
const int64_t kBlockCost = 2;

// How each image is cut.
struct TileGrid {
  int64_t rows;
  int64_t columns;
};

struct TileSize {
  int64_t height;
  int64_t width;
};

int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

TileSize SizeOf(const ConvGeometry& g, const TileGrid& grid) {
  return {CeilDivide(g.output_height, grid.rows),
          CeilDivide(g.output_width, grid.columns)};
}

int64_t GroupsOf(const ConvGeometry& g, const TileGrid& grid, int lanes) {
  return CeilDivide(g.batch * grid.rows * grid.columns, lanes);
}

// About the vectors that are read and multiplied, for one channel.
int64_t CostOf(const ConvGeometry& g, const TileGrid& grid, int lanes) {
  const TileSize size = SizeOf(g, grid);
  const int64_t blocks = CeilDivide(size.width, kMostVectors);
  const int64_t vectors = EvenBlockVectors(size.width, kMostVectors);
  return GroupsOf(g, grid, lanes) * size.height * blocks *
         (vectors + kBlockCost);
}

TileGrid BestGrid(const ConvGeometry& g, int lanes) {
  TileGrid best = {1, 1};
  int64_t least = CostOf(g, best, lanes);
  for (int64_t rows = 1; rows <= std::min<int64_t>(lanes, g.output_height);
       ++rows) {
    const int64_t most = std::min(lanes / rows, g.output_width);
    for (int64_t columns = 1; columns <= most; ++columns) {
      const TileGrid grid = {rows, columns};
      const int64_t cost = CostOf(g, grid, lanes);
      if (cost >= least) continue;
      least = cost;
      best = grid;
    }
  }
  return best;
}

// The window of a block in one channel.
struct WindowSize {
  int64_t rows;
  int64_t phases;   // 2 for even and odd columns
  int64_t columns;  // of each phase

  int64_t vectors() const { return rows * phases * columns; }
};

WindowSize WindowOf(const ConvGeometry& g, int64_t block_vectors) {
  return {g.kernel_height, std::min(g.kernel_width, g.stride_width),
          block_vectors + (g.kernel_width - 1) / g.stride_width};
}

class TilePlan : public PanelPlan {
 public:
  TilePlan(const ConvGeometry& geometry, const TileGrid& grid, int vectors,
           const WindowSize& window, const Kernels& kernels)
      : geometry_(geometry),
        kernels_(kernels),
        grid_(grid),
        size_(SizeOf(geometry, grid)),
        window_(window) {
    const ConvGeometry& g = geometry_;
    block_vectors = vectors;
    blocks_per_row_ = CeilDivide(size_.width, block_vectors);
    blocks = GroupsOf(g, grid_, kernels.lanes) * size_.height * blocks_per_row_;
    layout.line_floats = window_.vectors() * kernels.lanes;
    for (int64_t ky = 0; ky < g.kernel_height; ++ky) {
      for (int64_t kx = 0; kx < g.kernel_width; ++kx) {
        const int64_t row = ky * window_.phases + kx % g.stride_width;
        layout.tap_offsets.push_back(
            (row * window_.columns + kx / g.stride_width) * kernels.lanes);
      }
    }
  }

  std::unique_ptr<PanelSource> MakeSource() const override;

 private:
  friend class TileSource;
  const ConvGeometry geometry_;
  const Kernels& kernels_;
  const TileGrid grid_;
  const TileSize size_;
  const WindowSize window_;
  int64_t blocks_per_row_;
};

class TileSource : public PanelSource {
 public:
  explicit TileSource(const TilePlan& plan)
      : plan_(plan),
        pixels_(plan.layout.line_floats),
        zeros_(plan.geometry_.input_channels, 0.0f) {}

  void Begin(int64_t block_index, Block* block) override {
    const int lanes = plan_.kernels_.lanes;
    const int64_t x =
        block_index % plan_.blocks_per_row_ * plan_.block_vectors;
    const int64_t row = block_index / plan_.blocks_per_row_;
    const int64_t y = row % plan_.size_.height;
    const int64_t first_tile = row / plan_.size_.height * lanes;
    const int64_t vectors =
        std::min<int64_t>(plan_.block_vectors, plan_.size_.width - x);
    block->positions = vectors * lanes;
    block->outputs.assign(block->positions, -1);
    for (int lane = 0; lane < lanes; ++lane) {
      BeginLane(first_tile + lane, y, x, vectors, lane, block);
    }
  }

  void Fill(const Segment& segment, float* panel,
            int64_t line_floats) override {
    plan_.kernels_.gather(pixels_.data(), line_floats, segment.first_channel,
                          segment.channel_count, panel, line_floats);
  }

 private:
  // The outputs and the window of one lane, whose tile has the block at (y, x).
  void BeginLane(int64_t tile, int64_t y, int64_t x, int64_t vectors,
                 int64_t lane, Block* block) {
    const ConvGeometry& g = plan_.geometry_;
    const int lanes = plan_.kernels_.lanes;
    const int64_t tiles_per_image = plan_.grid_.rows * plan_.grid_.columns;
    const int64_t image = tile / tiles_per_image;
    const int64_t in_image = tile % tiles_per_image;
    y += in_image / plan_.grid_.columns * plan_.size_.height;
    x += in_image % plan_.grid_.columns * plan_.size_.width;
    if (image >= g.batch || y >= g.output_height || x >= g.output_width) {
      for (size_t i = lane; i < pixels_.size(); i += lanes) {
        pixels_[i] = zeros_.data();
      }
      return;
    }
    vectors = std::min(vectors, g.output_width - x);
    for (int64_t v = 0; v < vectors; ++v) {
      block->outputs[v * lanes + lane] =
          (image * g.output_height + y) * g.output_width + x + v;
    }
    const float** out = &pixels_[lane];
    const int64_t left = x * g.stride_width - g.pad_left;
    for (int64_t ky = 0; ky < g.kernel_height; ++ky) {
      const int64_t input_y = y * g.stride_height - g.pad_top + ky;
      const float* row =
          input_y < 0 || input_y >= g.input_height
              ? nullptr
              : g.input + (image * g.input_height + input_y) * g.input_width *
                              g.input_channels;
      for (int64_t phase = 0; phase < plan_.window_.phases; ++phase) {
        for (int64_t c = 0; c < plan_.window_.columns; ++c, out += lanes) {
          const int64_t input_x = left + phase + c * g.stride_width;
          *out = row == nullptr || input_x < 0 || input_x >= g.input_width
                     ? zeros_.data()
                     : row + input_x * g.input_channels;
        }
      }
    }
  }

  const TilePlan& plan_;
  std::vector<const float*> pixels_;  // [row][phase][column][lane]
  const std::vector<float> zeros_;
};

std::unique_ptr<PanelSource> TilePlan::MakeSource() const {
  return std::unique_ptr<PanelSource>(new TileSource(*this));
}

}  // namespace

std::unique_ptr<PanelPlan> PlanTiles(const ConvGeometry& g,
                                     const Kernels& kernels) {
  const TileGrid grid = BestGrid(g, kernels.lanes);
  const TileSize size = SizeOf(g, grid);
  const int vectors = EvenBlockVectors(size.width, kMostVectors);
  const WindowSize window = WindowOf(g, vectors);
  if (window.vectors() * kernels.lanes * sizeof(float) > kMostLineBytes) {
    return nullptr;
  }
  const double pixels = GroupsOf(g, grid, kernels.lanes) * kernels.lanes *
                        size.height * size.width;
  if (g.output_pixels() < kLeastUse * pixels) return nullptr;
  return std::unique_ptr<PanelPlan>(
      new TilePlan(g, grid, vectors, window, kernels));
}

}  // namespace sparse_ops
