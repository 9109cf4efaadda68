// Where the panels of a sparse convolution come from.
//
// The output pixels of a convolution are cut into blocks of positions. For
// each block a panel source says which outputs its positions are, and fills
// panel lines with the inputs that those outputs need. There are three:
//
//   PixelSource      transposes pixels straight from the NHWC image, once per
//                    tap: for 1x1 kernels and for small images
//   TileSource       transposes the window of a block once for all taps: lanes
//                    hold tiles, so that a tap is a step of whole vectors
//   DepthwiseSource  computes a depthwise 3x3 convolution on the fly, so that
//                    its result never goes through memory
//
// A source belongs to one thread.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_PANEL_SOURCE_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_PANEL_SOURCE_H_

#include <memory>
#include <vector>

#include "kernels.h"
#include "packed_kernel.h"

namespace sparse_ops {

// Everything about one convolution on one input, in numbers.
struct ConvGeometry {
  const float* input;
  int64_t batch;
  int64_t input_height;
  int64_t input_width;
  int64_t input_channels;
  int64_t output_height;
  int64_t output_width;
  int64_t kernel_height;
  int64_t kernel_width;
  int64_t stride_height;
  int64_t stride_width;
  int64_t pad_top;
  int64_t pad_left;

  int64_t taps() const { return kernel_height * kernel_width; }
  int64_t output_pixels() const {
    return batch * output_height * output_width;
  }
};

struct Block {
  // Positions, rounded up to whole vectors.
  int64_t positions = 0;
  // The flat output pixel of each position, or -1 where there is none.
  std::vector<int64_t> outputs;
};

class PanelSource {
 public:
  virtual ~PanelSource() = default;
  // Must be called before Fill, and again for every other block.
  virtual void Begin(int64_t block_index, Block* block) = 0;
  virtual void Fill(const Segment& segment, float* panel,
                    int64_t line_floats) = 0;
};

// How a convolution is cut into blocks, and a maker of sources for threads.
class PanelPlan {
 public:
  virtual ~PanelPlan() = default;
  virtual std::unique_ptr<PanelSource> MakeSource() const = 0;

  int64_t blocks = 0;
  int block_vectors = 1;
  PanelLayout layout;
};

// The plan that costs least for this geometry.
std::unique_ptr<PanelPlan> PlanPanels(const ConvGeometry& geometry,
                                      const Kernels& kernels);

std::unique_ptr<PanelPlan> PlanPixels(const ConvGeometry& geometry,
                                      const Kernels& kernels);
// Null where tiles would be too empty, or their windows too large.
std::unique_ptr<PanelPlan> PlanTiles(const ConvGeometry& geometry,
                                     const Kernels& kernels);

// The depthwise stage in front of a pointwise convolution. `geometry` is that
// of the depthwise convolution, whose kernel must be 3x3.
struct DepthwiseStage {
  const float* weights;  // [3][3][channels]
  const float* bias;
  Range range;
};

std::unique_ptr<PanelPlan> PlanDepthwise(const ConvGeometry& geometry,
                                         const DepthwiseStage& stage,
                                         const Kernels& kernels);

// Shares `vectors` evenly among as few blocks of at most `most` as there can
// be, so that the last block is not a small one.
int EvenBlockVectors(int64_t vectors, int most);

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_PANEL_SOURCE_H_
