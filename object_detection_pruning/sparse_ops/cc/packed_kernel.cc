#include "packed_kernel.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "tensorflow/core/lib/core/errors.h"

namespace sparse_ops {

using tensorflow::Status;
using tensorflow::Tensor;
using tensorflow::errors::InvalidArgument;

namespace {

// A little more than the 32 KB or 48 KB of a first-level cache: what misses comes
// from the second, and longer lists of nonzeros make up for it.
const int64_t kPanelBytes = 40 * 1024;

// Calls visit(i) for every set bit i < count, in order.
template <typename Visit>
void ForEachSetBit(const tensorflow::uint8* mask, int64_t count,
                   const Visit& visit) {
  const int64_t bytes = (count + 7) / 8;
  for (int64_t at = 0; at < bytes; at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, mask + at, std::min<int64_t>(8, bytes - at));
    while (word != 0) {
      visit(at * 8 + __builtin_ctzll(word));
      word &= word - 1;
    }
  }
}

Status CheckTensors(const KernelShape& shape, const Tensor& mask,
                    const Tensor& values) {
  const int64_t weights = shape.weights();
  if (mask.dims() != 1 || mask.NumElements() != (weights + 7) / 8) {
    return InvalidArgument("mask must be a vector of ", (weights + 7) / 8,
                           " bytes for ", weights, " weights, got shape ",
                           mask.shape().DebugString());
  }
  if (values.dims() != 1) {
    return InvalidArgument("values must be a vector, got shape ",
                           values.shape().DebugString());
  }
  int64_t nonzeros = 0, last = -1;
  ForEachSetBit(mask.flat<tensorflow::uint8>().data(), mask.NumElements() * 8,
                [&](int64_t i) {
                  ++nonzeros;
                  last = i;
                });
  if (last >= weights) {
    return InvalidArgument("mask has a bit set past the last of ", weights,
                           " weights");
  }
  if (nonzeros != values.NumElements()) {
    return InvalidArgument("mask has ", nonzeros, " bits set, but there are ",
                           values.NumElements(), " values");
  }
  return Status::OK();
}

// Chunks of about equal size, cut at multiples of the lanes so that the
// segments transpose in whole vectors.
void CutChunks(const KernelShape& shape, int lanes, const PanelLayout& layout,
               PackedKernel* packed) {
  const int64_t lines = layout.lines(shape);
  const int64_t line_bytes = layout.line_floats * sizeof(float);
  const int64_t room =
      std::max<int64_t>(lanes, kPanelBytes / line_bytes / lanes * lanes);
  const int64_t chunks = (lines + room - 1) / room;
  const int64_t even = (lines + chunks - 1) / chunks;
  packed->chunk_lines = (even + lanes - 1) / lanes * lanes;
  packed->chunk_segments.push_back(0);
  for (int64_t line = 0; line < lines; line += packed->chunk_lines) {
    const int64_t end = std::min(lines, line + packed->chunk_lines);
    for (int64_t at = line; at < end;) {
      Segment segment;
      segment.tap = at / shape.inputs;
      segment.first_channel = at % shape.inputs;
      segment.channel_count =
          std::min(end - at, shape.inputs - segment.first_channel);
      segment.first_line = at - line;
      packed->segments.push_back(segment);
      at += segment.channel_count;
    }
    packed->chunk_segments.push_back(packed->segments.size());
  }
}

void CutTiles(const KernelShape& shape, int64_t tiles, PackedKernel* packed) {
  packed->tile_pairs.push_back(0);
  packed->tile_channels.push_back(0);
  for (int64_t t = 1; t <= tiles; ++t) {
    const int64_t end = shape.outputs * t / tiles;
    const int64_t count = end - packed->tile_channels.back();
    packed->tile_channels.push_back(end);
    packed->tile_pairs.push_back(packed->tile_pairs.back() + (count + 1) / 2);
  }
}

// Pairs the channels of one chunk, those with the most nonzeros first.
// counts: nonzeros per channel. Writes channels and pair_begin from `entry` on,
// and to place[c] where the first nonzero of channel c goes. Returns the end.
int32_t PairChannels(const PackedKernel& packed, const int32_t* counts,
                     int32_t entry, int32_t* channels, int32_t* pair_begin,
                     int32_t* place) {
  for (size_t t = 0; t + 1 < packed.tile_channels.size(); ++t) {
    const int32_t end = packed.tile_channels[t + 1];
    int32_t* const first = channels + 2 * packed.tile_pairs[t];
    int32_t* last = first;
    for (int32_t c = packed.tile_channels[t]; c < end; ++c) *last++ = c;
    std::stable_sort(first, last, [counts](int32_t a, int32_t b) {
      return counts[a] > counts[b];
    });
    if ((last - first) % 2 != 0) *last++ = end;
    for (int64_t p = packed.tile_pairs[t]; p < packed.tile_pairs[t + 1]; ++p) {
      pair_begin[p] = entry;
      place[channels[2 * p]] = entry;
      if (channels[2 * p + 1] < end) place[channels[2 * p + 1]] = entry + 1;
      entry += 2 * counts[channels[2 * p]];
    }
  }
  pair_begin[packed.pairs()] = entry;
  return entry;
}

// Sorts the nonzeros by chunk and pair of channels.
void SortEntries(const KernelShape& shape, const tensorflow::uint8* mask,
                 const float* values, const PanelLayout& layout,
                 PackedKernel* packed) {
  const int64_t outputs = shape.outputs;
  const int64_t pairs = packed->pairs();
  std::vector<int32_t> counts(packed->chunks() * outputs, 0);
  const auto line = [&](int64_t i) {
    return layout.one_tap() ? i / outputs : i / outputs % shape.inputs;
  };
  const auto slot = [&](int64_t i) {
    return line(i) / packed->chunk_lines * outputs + i % outputs;
  };
  ForEachSetBit(mask, shape.weights(), [&](int64_t i) { ++counts[slot(i)]; });
  packed->channels.resize(packed->chunks() * 2 * pairs);
  packed->pair_begin.resize(packed->chunks() * (pairs + 1));
  std::vector<int32_t> next(counts.size());
  int32_t end = 0;
  for (int64_t c = 0; c < packed->chunks(); ++c) {
    end = PairChannels(*packed, &counts[c * outputs], end,
                       &packed->channels[c * 2 * pairs],
                       &packed->pair_begin[c * (pairs + 1)],
                       &next[c * outputs]);
  }
  // What no nonzero takes adds zero times the first floats of the panel.
  packed->entries.assign(end, SparseEntry{0.0f, 0});
  ForEachSetBit(mask, shape.weights(), [&](int64_t i) {
    int32_t& at = next[slot(i)];
    SparseEntry* entry = &packed->entries[at];
    at += 2;
    entry->value = *values++;
    int64_t offset = line(i) % packed->chunk_lines * layout.line_floats;
    if (!layout.one_tap()) {
      offset += layout.tap_offsets[i / outputs / shape.inputs];
    }
    entry->byte_offset = static_cast<int32_t>(offset * sizeof(float));
  });
}

bool SameTensor(const Tensor& a, const Tensor& b) {
  return a.IsInitialized() && a.tensor_data().data() == b.tensor_data().data() &&
         a.shape() == b.shape();
}

}  // namespace

Status ReadKernelShape(const std::vector<tensorflow::int32>& sizes,
                       size_t expected, KernelShape* shape) {
  int64_t product = 1;
  bool valid = sizes.size() == expected;
  for (size_t i = 0; valid && i < sizes.size(); ++i) {
    product *= sizes[i];
    valid = sizes[i] >= 1 && product <= std::numeric_limits<int32_t>::max();
  }
  if (!valid) {
    return InvalidArgument("kernel_shape must be ", expected,
                           " positive sizes of fewer than 2^31 weights");
  }
  if (expected == 4) {
    shape->height = sizes[0];
    shape->width = sizes[1];
  }
  shape->inputs = sizes[expected - 2];
  shape->outputs = sizes[expected - 1];
  return Status::OK();
}

Status PackedKernelCache::Get(const KernelShape& shape, const Tensor& mask,
                              const Tensor& values, int lanes,
                              const PanelLayout& layout, int64_t tiles,
                              std::shared_ptr<const PackedKernel>* packed) {
  tensorflow::mutex_lock lock(mutex_);
  if (!SameTensor(mask_, mask) || !SameTensor(values_, values)) {
    TF_RETURN_IF_ERROR(CheckTensors(shape, mask, values));
    packed_.clear();
    mask_ = mask;
    values_ = values;
  }
  std::shared_ptr<const PackedKernel>& found =
      packed_[std::make_tuple(layout.line_floats, layout.one_tap(), tiles)];
  if (found == nullptr) {
    auto made = std::make_shared<PackedKernel>();
    CutChunks(shape, lanes, layout, made.get());
    CutTiles(shape, tiles, made.get());
    SortEntries(shape, mask.flat<tensorflow::uint8>().data(),
                values.flat<float>().data(), layout, made.get());
    found = made;
  }
  *packed = found;
  return Status::OK();
}

}  // namespace sparse_ops
