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

const int64_t kMaxTaps = 1 << 16;
const int64_t kMaxChannels = 1 << 20;

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

// A copy of a sparse kernel. Another op may change the tensors in place while
// they are read; what was checked must be what is decoded.
struct SparseContent {
  std::vector<tensorflow::uint8> mask;
  std::vector<char> values;  // floats, or bytes with scales
  std::vector<float> scales;

  bool in_bytes() const { return !scales.empty(); }
  int64_t value_count() const {
    return values.size() / (in_bytes() ? 1 : sizeof(float));
  }
};

const uint64_t kFirstFactor = 0x9e3779b97f4a7c15;
const uint64_t kSecondFactor = 0xc2b2ae3d27d4eb4f;

// Each word changes its sum in a way of its own, and as each sum waits for the
// word before, there are four.
uint64_t Fingerprint(const void* data, size_t bytes, uint64_t seed) {
  const char* at = static_cast<const char*>(data);
  uint64_t sums[4] = {seed, seed + 1, seed + 2, seed + bytes};
  const auto add = [](uint64_t word, uint64_t* sum) {
    *sum = (*sum ^ word) * kFirstFactor;
    *sum = *sum << 31 | *sum >> 33;
  };
  uint64_t words[4];
  for (; bytes >= sizeof(words); bytes -= sizeof(words), at += sizeof(words)) {
    std::memcpy(words, at, sizeof(words));
    for (int i = 0; i < 4; ++i) add(words[i], &sums[i]);
  }
  std::memset(words, 0, sizeof(words));
  if (bytes > 0) std::memcpy(words, at, bytes);
  for (int i = 0; i < 4; ++i) add(words[i], &sums[i]);
  uint64_t result = sums[0];
  for (int i = 1; i < 4; ++i) {
    result = (result ^ sums[i] ^ sums[i] >> 29) * kSecondFactor;
  }
  return result ^ result >> 32;
}

uint64_t Fingerprint(const SparseContent& content) {
  const uint64_t mask = Fingerprint(content.mask.data(), content.mask.size(),
                                    kSecondFactor);
  const uint64_t scales =
      Fingerprint(content.scales.data(), content.scales.size() * sizeof(float),
                  mask);
  return Fingerprint(content.values.data(), content.values.size(), scales);
}

uint64_t Fingerprint(const SparseTensors& tensors) {
  const auto of = [](const Tensor& tensor, uint64_t seed) {
    const auto data = tensor.tensor_data();
    return Fingerprint(data.data(), data.size(), seed);
  };
  const uint64_t mask = of(*tensors.mask, kSecondFactor);
  const uint64_t scales = tensors.scales == nullptr
                              ? Fingerprint(nullptr, 0, mask)
                              : of(*tensors.scales, mask);
  return of(*tensors.values, scales);
}

SparseContent Copy(const SparseTensors& tensors) {
  SparseContent copy;
  const auto mask = tensors.mask->tensor_data();
  const auto values = tensors.values->tensor_data();
  copy.mask.assign(mask.data(), mask.data() + mask.size());
  copy.values.assign(values.data(), values.data() + values.size());
  if (tensors.scales != nullptr) {
    const float* scales = tensors.scales->flat<float>().data();
    copy.scales.assign(scales, scales + tensors.scales->NumElements());
  }
  return copy;
}

Status CheckShapes(const KernelShape& shape, const SparseTensors& tensors) {
  const Tensor& mask = *tensors.mask;
  const Tensor& values = *tensors.values;
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
  if ((values.dtype() == tensorflow::DT_INT8) != (tensors.scales != nullptr)) {
    return InvalidArgument("values of int8 must have scales, and no others");
  }
  if (tensors.scales != nullptr &&
      (tensors.scales->dims() != 1 ||
       tensors.scales->dim_size(0) != shape.outputs)) {
    return InvalidArgument("scales must have ", shape.outputs,
                           " values, got shape ",
                           tensors.scales->shape().DebugString());
  }
  return Status();
}

Status CheckContent(const KernelShape& shape, const SparseContent& content) {
  const int64_t weights = shape.weights();
  const int64_t value_count = content.value_count();
  int64_t nonzeros = 0, last = -1;
  ForEachSetBit(content.mask.data(), content.mask.size() * 8, [&](int64_t i) {
    ++nonzeros;
    last = i;
  });
  if (last >= weights) {
    return InvalidArgument("mask has a bit set past the last of ", weights,
                           " weights");
  }
  if (nonzeros != value_count) {
    return InvalidArgument("mask has ", nonzeros, " bits set, but there are ",
                           value_count, " values");
  }
  return Status();
}

// The stored weights in order. The content must have been checked.
std::vector<float> Decode(const KernelShape& shape,
                          const SparseContent& content) {
  std::vector<float> values(content.value_count());
  if (values.empty()) return values;
  if (!content.in_bytes()) {
    std::memcpy(values.data(), content.values.data(), content.values.size());
    return values;
  }
  int64_t at = 0;
  ForEachSetBit(content.mask.data(), shape.weights(), [&](int64_t i) {
    const auto number = static_cast<signed char>(content.values[at]);
    values[at++] = number * content.scales[i % shape.outputs];
  });
  return values;
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
  if (std::max(sizes[expected - 2], sizes[expected - 1]) > kMaxChannels) {
    return InvalidArgument("kernel_shape must have at most ", kMaxChannels,
                           " channels");
  }
  if (expected == 4 && int64_t{sizes[0]} * sizes[1] > kMaxTaps) {
    return InvalidArgument("kernel_shape must have at most ", kMaxTaps,
                           " taps, got ", sizes[0], " by ", sizes[1]);
  }
  if (expected == 4) {
    shape->height = sizes[0];
    shape->width = sizes[1];
  }
  shape->inputs = sizes[expected - 2];
  shape->outputs = sizes[expected - 1];
  return Status();
}

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
