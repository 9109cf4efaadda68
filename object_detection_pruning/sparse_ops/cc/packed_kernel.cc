#include "packed_kernel.h"

#include <algorithm>

namespace sparse_ops {

using tensorflow::Status;
using tensorflow::Tensor;

namespace {

// A little more than the 32 KB or 48 KB of a first-level cache: what misses comes
// from the second, and longer lists of nonzeros make up for it.
const int64_t kPanelBytes = 40 * 1024;

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

void CutTiles(const KernelShape& shape, int64_t tiles, int group,
              PackedKernel* packed) {
  packed->tile_groups.push_back(0);
  packed->tile_channels.push_back(0);
  for (int64_t t = 1; t <= tiles; ++t) {
    const int64_t end = shape.outputs * t / tiles;
    const int64_t count = end - packed->tile_channels.back();
    packed->tile_channels.push_back(end);
    packed->tile_groups.push_back(packed->tile_groups.back() +
                                  (count + group - 1) / group);
  }
}

// Groups the channels of one chunk, those with the most nonzeros first.
// counts: nonzeros per channel. Writes channels and group_begin from `step` on,
// and to next[c] where in `values` the first nonzero of channel c goes. Returns
// the step after the last.
int32_t GroupChannels(const PackedKernel& packed, int group,
                      const int32_t* counts, int32_t step, int32_t* channels,
                      int32_t* group_begin, int64_t* next) {
  for (size_t t = 0; t + 1 < packed.tile_channels.size(); ++t) {
    const int32_t end = packed.tile_channels[t + 1];
    int32_t* const first = channels + group * packed.tile_groups[t];
    int32_t* const last = channels + group * packed.tile_groups[t + 1];
    int32_t* spare = first;
    for (int32_t c = packed.tile_channels[t]; c < end; ++c) *spare++ = c;
    std::stable_sort(first, spare, [counts](int32_t a, int32_t b) {
      return counts[a] > counts[b];
    });
    std::fill(spare, last, end);
    for (int64_t g = packed.tile_groups[t]; g < packed.tile_groups[t + 1];
         ++g) {
      const int32_t* members = channels + group * g;
      group_begin[g] = step;
      for (int i = 0; i < group && members[i] < end; ++i) {
        next[members[i]] = int64_t{step} * group + i;
      }
      step += counts[members[0]];
    }
  }
  group_begin[packed.groups()] = step;
  return step;
}

// Sorts the nonzeros by chunk and group of channels.
void SortNonzeros(const KernelShape& shape, const tensorflow::uint8* mask,
                  const float* values, const PanelLayout& layout, int group,
                  PackedKernel* packed) {
  const int64_t outputs = shape.outputs;
  const int64_t groups = packed->groups();
  std::vector<int32_t> counts(packed->chunks() * outputs, 0);
  const auto line = [&](int64_t i) {
    return layout.one_tap() ? i / outputs : i / outputs % shape.inputs;
  };
  const auto slot = [&](int64_t i) {
    return line(i) / packed->chunk_lines * outputs + i % outputs;
  };
  ForEachSetBit(mask, shape.weights(), [&](int64_t i) { ++counts[slot(i)]; });
  packed->channels.resize(packed->chunks() * groups * group);
  packed->group_begin.resize(packed->chunks() * (groups + 1));
  std::vector<int64_t> next(counts.size());
  int32_t steps = 0;
  for (int64_t c = 0; c < packed->chunks(); ++c) {
    steps = GroupChannels(*packed, group, &counts[c * outputs], steps,
                          &packed->channels[c * groups * group],
                          &packed->group_begin[c * (groups + 1)],
                          &next[c * outputs]);
  }
  // What no nonzero takes adds zero times the first floats of the panel.
  packed->values.assign(int64_t{steps} * group, 0.0f);
  packed->offsets.assign(int64_t{steps} * group, 0);
  ForEachSetBit(mask, shape.weights(), [&](int64_t i) {
    int64_t& at = next[slot(i)];
    packed->values[at] = *values++;
    int64_t offset = line(i) % packed->chunk_lines * layout.line_floats;
    if (!layout.one_tap()) {
      offset += layout.tap_offsets[i / outputs / shape.inputs];
    }
    packed->offsets[at] =
        static_cast<uint16_t>(offset * sizeof(float) / kPlaceBytes);
    at += group;
  });
}

}  // namespace

Status PackedKernelCache::Get(const KernelShape& shape,
                              const SparseTensors& tensors,
                              const Kernels& kernels,
                              const PanelLayout& layout, int64_t tiles,
                              std::shared_ptr<const PackedKernel>* packed) {
  TF_RETURN_IF_ERROR(CheckShapes(shape, tensors));
  const auto key = std::make_tuple(layout.line_floats, layout.one_tap(), tiles);
  if (constants_) {
    tensorflow::mutex_lock lock(mutex_);
    if (IsHeld(tensors) && packed_.count(key) > 0) {
      *packed = packed_[key];
      return Status();
    }
  }
  const uint64_t content = Fingerprint(tensors);
  tensorflow::mutex_lock lock(mutex_);
  if (content == content_ && packed_.count(key) > 0) {
    Hold(tensors);
    *packed = packed_[key];
    return Status();
  }
  const SparseContent copy = Copy(tensors);
  TF_RETURN_IF_ERROR(CheckContent(shape, copy));
  auto made = std::make_shared<PackedKernel>();
  CutChunks(shape, kernels.lanes, layout, made.get());
  CutTiles(shape, tiles, kernels.group, made.get());
  SortNonzeros(shape, copy.mask.data(), Decode(shape, copy).data(), layout,
               kernels.group, made.get());
  const uint64_t copied = Fingerprint(copy);
  if (copied != content_) packed_.clear();
  content_ = copied;
  packed_[key] = made;
  Hold(tensors);
  *packed = made;
  return Status();
}

bool PackedKernelCache::IsHeld(const SparseTensors& tensors) const {
  // A mask has a byte at least, and scales have one for each output.
  const auto same = [](const Tensor& held, const Tensor* given) {
    if (given == nullptr) return held.NumElements() == 0;
    return held.shape() == given->shape() &&
           held.tensor_data().data() == given->tensor_data().data();
  };
  return same(mask_, tensors.mask) && same(values_, tensors.values) &&
         same(scales_, tensors.scales);
}

void PackedKernelCache::Hold(const SparseTensors& tensors) {
  if (!constants_) return;
  mask_ = *tensors.mask;
  values_ = *tensors.values;
  scales_ = tensors.scales == nullptr ? Tensor() : *tensors.scales;
}

}  // namespace sparse_ops
