// Sparse weights in the order in which the sparse product reads them.
//
// A panel is made of lines, each of which serves either one tap of an input
// channel or all of its taps. Lines are cut into chunks that are small enough for
// the first caches. A chunk consists of segments, which is what a panel source
// fills at once: the lines of a range of input channels, under one tap or all.
//
// Each chunk holds the nonzeros of every output channel. Channels with about as
// many form a group, the shorter lists are filled up with zeros, and longer
// groups come first: a loop that runs as often as the one before it is one that
// the processor foresees. A group that lacks channels gets spare ones, all of
// which are the one past the last.
//
// Channels can be cut into tiles, ranges that threads share out among them; a
// group is always of one tile.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_PACKED_KERNEL_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_PACKED_KERNEL_H_

#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "kernels.h"
#include "sparse_content.h"
#include "tensorflow/core/platform/mutex.h"

namespace sparse_ops {

struct PanelLayout {
  // A multiple of the lanes, as the taps' offsets are.
  int64_t line_floats = 0;
  // Where in a channel's line each tap starts. None: a line is of one tap, and
  // those of a tap's channels follow each other.
  std::vector<int64_t> tap_offsets;

  bool one_tap() const { return tap_offsets.empty(); }
  int64_t lines(const KernelShape& shape) const {
    return one_tap() ? shape.rows() : shape.inputs;
  }
};

struct Segment {
  int64_t tap;  // 0 if lines are of all taps
  int64_t first_channel;
  int64_t channel_count;
  int64_t first_line;
};

struct PackedKernel {
  int64_t chunk_lines = 0;  // the most lines of a chunk
  std::vector<Segment> segments;
  std::vector<int64_t> chunk_segments;  // chunk c: [c] .. [c + 1]
  std::vector<int64_t> tile_groups;     // tile t: [t] .. [t + 1]
  std::vector<int64_t> tile_channels;   // the same, of channels
  // As SparseProduct has them, chunk after chunk.
  std::vector<int32_t> channels;     // [chunks][groups][group]
  std::vector<int32_t> group_begin;  // [chunks][groups + 1]
  std::vector<float> values;         // [steps][group]
  std::vector<uint16_t> offsets;      // [steps][group]

  int64_t chunks() const { return chunk_segments.size() - 1; }
  int64_t groups() const { return tile_groups.back(); }
};

// Decodes the tensors once per layout and tiles, and keeps the result for as
// long as the same content comes in. Where it lies in memory says nothing: a
// variable, or an op that works in place, changes what is there. So all of it is
// read each time, unless the tensors are constants. Safe to call from several
// threads.
class PackedKernelCache {
 public:
  // Promises that what lies in a tensor stays as it is as long as it is held.
  void ExpectConstants() { constants_ = true; }

  // layout: of the same strides in every call. tiles: at least 1, at most the
  // number of outputs.
  tensorflow::Status Get(const KernelShape& shape,
                         const SparseTensors& tensors, const Kernels& kernels,
                         const PanelLayout& layout, int64_t tiles,
                         std::shared_ptr<const PackedKernel>* packed);

 private:
  bool IsHeld(const SparseTensors& tensors) const;
  void Hold(const SparseTensors& tensors);

  bool constants_ = false;
  tensorflow::mutex mutex_;
  // Constants whose content is content_; their memory is not given to others.
  tensorflow::Tensor mask_, values_, scales_;
  uint64_t content_ = 0;  // that packed_ was made of
  // By line, whether it is of one tap, and tiles.
  std::map<std::tuple<int64_t, bool, int64_t>,
           std::shared_ptr<const PackedKernel>>
      packed_;
};

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_PACKED_KERNEL_H_
