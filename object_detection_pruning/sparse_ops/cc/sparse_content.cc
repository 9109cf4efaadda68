#include "sparse_content.h"

#include <limits>

#include "tensorflow/core/lib/core/errors.h"

namespace sparse_ops {

using tensorflow::Status;
using tensorflow::Tensor;
using tensorflow::errors::InvalidArgument;

namespace {

const int64_t kMaxTaps = 1 << 16;
const int64_t kMaxChannels = 1 << 20;

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

}  // namespace

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

}  // namespace sparse_ops
