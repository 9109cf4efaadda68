// The table of inner kernels. Every instruction set fills one such table from
// the same sources; isa.cc picks the table that this machine can run.
//
// Words used throughout:
//   lane      one float of a vector register; a table works on `lanes` at once.
//   position  one output pixel. Positions are what the lanes hold.
//   panel     rows of positions, contiguous and 64-byte aligned: inputs, where
//             each (kernel tap, channel) has a row, or outputs, where each
//             output channel has one.
//
// Only C headers here: an inline C++ library function that was compiled for
// AVX-512 could become the one copy that the linker keeps for every caller.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_KERNELS_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_KERNELS_H_

#include <stddef.h>
#include <stdint.h>

namespace sparse_ops {

// The most vectors of positions that one block of the sparse product holds in
// registers.
const int kMaxBlockVectors = 7;

// The longest panel line: more would leave no room in the caches for channels. A
// chunk has as many lines as there are lanes, at least.
const int kMostLineBytes = 16 * 1024;
const int kMostLanes = 16;

// Where a panel row starts is told in pieces of this size, in 16 bits.
const int kPlaceBytes = 8;
static_assert(kMostLanes * kMostLineBytes <= 65536 * kPlaceBytes,
              "offsets must fit in 16 bits");

// The activation of a fused op, as the range that outputs are clamped to.
struct Range {
  float lower;
  float upper;
};

// One output row of an NHWC window op (convolution or pooling).
struct WindowRow {
  // The kernel_height input rows under the window; null where it is padding.
  const float* const* rows;
  float* output;
  int64_t kernel_height;
  int64_t kernel_width;
  int64_t stride;
  int64_t pad_left;
  int64_t input_width;
  int64_t output_width;
  int64_t input_channels;
  int64_t output_channels;
};

// A point between four pixels, and how near it is to the right and lower ones.
// A point outside of the image has a null top_left.
struct BilinearSample {
  const float* top_left;
  const float* top_right;
  const float* bottom_left;
  const float* bottom_right;
  float x_weight;
  float y_weight;
};

// Output channels come in groups of Kernels::group. A step has one nonzero of
// each channel of a group: their sums do not wait for each other, which keeps
// the multipliers busy, and the offsets of all are read at once.
struct SparseProduct {
  const float* panel;
  // [channel - first_channel][block_vectors * lanes]
  float* accumulators;
  int64_t row_stride;          // floats between two rows of accumulators
  int64_t first_channel;       // of the accumulators
  int64_t groups;
  const int32_t* channels;     // [groups][group]
  const int32_t* group_begin;  // steps of group g: group_begin[g .. g + 1]
  const float* values;         // [steps][group]
  const uint16_t* offsets;      // the same: where each value's panel row starts
  const float* bias;           // of every channel
  Range range;
};

// Depthwise 3x3 results of some positions, written as panel rows.
struct DepthwiseTile {
  // The input pixel under the window's first tap, for each position. It is
  // only read through where the tap lies inside of the image.
  const float* const* windows;
  // Bit t of a position's mask is set where its tap t is inside of the image.
  const uint16_t* tap_masks;
  // How many positions from this one on lie side by side in one row and have
  // all of their taps inside of the image.
  const int32_t* run_lengths;
  int64_t positions;        // a multiple of lanes
  int64_t image_row_stride; // floats between two input rows
  int64_t stride;           // input columns between two positions of a row
  int64_t channels;         // of the whole input
  int64_t first_channel;
  int64_t channel_count;
  const float* weights;     // [9][channels]
  const float* bias;
  Range range;
  float* panel;
  int64_t panel_stride;
};

struct Kernels {
  const char* name;
  int lanes;
  // How many vectors of positions a block of a sparse product should have.
  int block_vectors;
  // How many output channels a sparse product works on at once.
  int group;

  // panel[c * panel_stride + i] = pixels[i][first_channel + c] for `positions`
  // pixels (a multiple of lanes).
  void (*gather)(const float* const* pixels, int64_t positions,
                 int64_t first_channel, int64_t channel_count, float* panel,
                 int64_t panel_stride);
  // The way back: pixels[i][c] = panel[c * panel_stride + i]; null pixels are
  // skipped.
  void (*scatter)(const float* panel, int64_t panel_stride, int64_t positions,
                  int64_t channel_count, float* const* pixels);
  // accumulators (+)= values * panel rows, for every group in the product.
  // `first` starts from the bias, `last` applies the activation.
  void (*sparse_product)(int vectors, bool first, bool last,
                         const SparseProduct& product);
  void (*depthwise_tile)(const DepthwiseTile& tile);
  // weights [kernel_height][kernel_width][output_channels].
  void (*depthwise_row)(const WindowRow& row, const float* weights,
                        const float* bias, const Range& range);
  // weights [kernel_height][kernel_width][input_channels][output_channels].
  void (*dense_row)(const WindowRow& row, const float* weights,
                    const float* bias, const Range& range);
  void (*max_pool_row)(const WindowRow& row);
  void (*average_pool_row)(const WindowRow& row);
  // The maximum over the samples, for each channel.
  void (*bilinear_max)(const BilinearSample* samples, int count, float extrapolation,
                   int64_t channels, float* output);
  void (*cast_bytes)(const uint8_t* input, int64_t count, float* output);
};

// Of any processor; the other two of x86-64.
extern const Kernels kBaselineKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_KERNELS_H_
