// Times a 1x1 convolution with zeros in blocks against one with single zeros.
//
//   blocks PIXELS INPUTS OUTPUTS SPARSITY
//
// A block is one input of 16 outputs that lie side by side, all of them zero or
// none. Prints milliseconds: the product of the sparse ops on single weights,
// then two products on blocks. The first of these reads the panels of the
// sparse ops, each row once for many outputs. The second holds outputs in the
// lanes and takes pixels as they lie, without panels. Each is checked against
// plain sums. blocks.py compiles it.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "panel_kernel.h"
#include "sparse_product_kernel.h"

namespace sparse_ops {
namespace {

const int64_t kBlock = 16;  // a multiple of kRows and of kLanes
const int kRounds = 101;
const int64_t kPanelBytes = 40 * 1024;
// Sums of a block fill the registers, but for its rows and a value.
const int kRows = kLanes == 16 ? 8 : 4;
const int kRowVectors = 3;
// Pixels whose sums are held at a time, where lanes are outputs.
const int kPixels = kLanes == 16 ? 24 : 12;

struct Layer {
  int64_t pixels, inputs, outputs;
  std::vector<float> input;    // [pixels][inputs]
  std::vector<float> weights;  // [inputs][outputs]
  std::vector<float> bias;
};

Layer MakeLayer(int64_t pixels, int64_t inputs, int64_t outputs,
                double sparsity, int64_t block) {
  Layer layer = {pixels, inputs, outputs, {}, {}, {}};
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  layer.input.resize(pixels * inputs);
  layer.bias.resize(outputs);
  for (float& value : layer.input) value = normal(random);
  for (float& value : layer.bias) value = normal(random);
  layer.weights.assign(inputs * outputs, 0.0f);
  const int64_t blocks = inputs * (outputs / block);
  std::vector<int64_t> order(blocks);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  order.resize(static_cast<int64_t>(round(blocks * (1 - sparsity))));
  for (int64_t at : order) {
    const int64_t input = at / (outputs / block);
    const int64_t first = at % (outputs / block) * block;
    for (int64_t i = 0; i < block; ++i) {
      layer.weights[input * outputs + first + i] = normal(random);
    }
  }
  return layer;
}

// Inputs cut into chunks whose panels stay in the first-level cache.
struct Chunks {
  int64_t vectors, line_floats, lines;
};

Chunks CutChunks(const Layer& layer, int64_t vectors) {
  const int64_t line_floats = vectors * kLanes;
  const int64_t room =
      std::max<int64_t>(kLanes, kPanelBytes / 4 / line_floats);
  const int64_t count = (layer.inputs + room - 1) / room;
  return {vectors, line_floats, (layer.inputs + count - 1) / count};
}

// A chunk of single weights, as packed_kernel.cc sorts it.
struct Singles {
  std::vector<int32_t> channels, group_begin;
  std::vector<float> values;
  std::vector<uint16_t> offsets;
};

Singles PackSingles(const Layer& layer, const Chunks& chunks, int64_t begin) {
  const int64_t end = std::min(layer.inputs, begin + chunks.lines);
  std::vector<std::vector<int64_t>> lines(layer.outputs);
  for (int64_t i = begin; i < end; ++i) {
    for (int64_t o = 0; o < layer.outputs; ++o) {
      if (layer.weights[i * layer.outputs + o] != 0) lines[o].push_back(i);
    }
  }
  Singles packed;
  packed.channels.resize(layer.outputs);
  std::iota(packed.channels.begin(), packed.channels.end(), 0);
  std::stable_sort(packed.channels.begin(), packed.channels.end(),
                   [&](int32_t a, int32_t b) {
                     return lines[a].size() > lines[b].size();
                   });
  int32_t step = 0;
  for (int64_t g = 0; g < layer.outputs / kGroup; ++g) {
    const int32_t* members = &packed.channels[g * kGroup];
    packed.group_begin.push_back(step);
    for (size_t n = 0; n < lines[members[0]].size(); ++n, ++step) {
      for (int j = 0; j < kGroup; ++j) {
        const std::vector<int64_t>& own = lines[members[j]];
        const int64_t line = n < own.size() ? own[n] : begin;
        packed.values.push_back(
            n < own.size() ? layer.weights[line * layer.outputs + members[j]]
                           : 0.0f);
        packed.offsets.push_back(static_cast<uint16_t>(
            (line - begin) * chunks.line_floats * 4 / kPlaceBytes));
      }
    }
  }
  packed.group_begin.push_back(step);
  return packed;
}

// Rows of kRows outputs: for each of their blocks its line and its values.
struct Blocks {
  std::vector<int32_t> begin, lines;
  std::vector<float> values;
};

Blocks PackBlocks(const Layer& layer, int rows, int64_t first, int64_t count) {
  const int64_t end = std::min(layer.inputs, first + count);
  Blocks packed;
  for (int64_t o = 0; o < layer.outputs; o += rows) {
    packed.begin.push_back(packed.lines.size());
    for (int64_t i = first; i < end; ++i) {
      const float* values = &layer.weights[i * layer.outputs + o];
      if (values[0] == 0) continue;
      packed.lines.push_back(i - first);
      packed.values.insert(packed.values.end(), values, values + rows);
    }
  }
  packed.begin.push_back(packed.lines.size());
  return packed;
}

void MultiplyBlocks(const Layer& layer, const Blocks& packed,
                    const Chunks& chunks, const float* panel, bool is_first,
                    float* sums_of) {
  for (int64_t o = 0; o < layer.outputs; o += kRows) {
    const int64_t begin = packed.begin[o / kRows];
    const int64_t end = packed.begin[o / kRows + 1];
    for (int64_t v = 0; v < chunks.vectors; v += kRowVectors) {
      Vec sums[kRows][kRowVectors];
      float* const outs = sums_of + o * chunks.line_floats + v * kLanes;
      SPARSE_OPS_UNROLL
      for (int r = 0; r < kRows; ++r) {
        SPARSE_OPS_UNROLL
        for (int k = 0; k < kRowVectors; ++k) {
          sums[r][k] =
              is_first ? Splat<Vec>(layer.bias[o + r])
                       : Load<Vec>(outs + r * chunks.line_floats + k * kLanes);
        }
      }
      const float* values = &packed.values[begin * kRows];
      for (int64_t n = begin; n < end; ++n, values += kRows) {
        const float* row =
            panel + packed.lines[n] * chunks.line_floats + v * kLanes;
        Vec pixels[kRowVectors];
        SPARSE_OPS_UNROLL
        for (int k = 0; k < kRowVectors; ++k) {
          pixels[k] = Load<Vec>(row + k * kLanes);
        }
        SPARSE_OPS_UNROLL
        for (int r = 0; r < kRows; ++r) {
          const Vec value = Splat<Vec>(values[r]);
          SPARSE_OPS_UNROLL
          for (int k = 0; k < kRowVectors; ++k) {
            sums[r][k] = MulAdd(value, pixels[k], sums[r][k]);
          }
        }
      }
      SPARSE_OPS_UNROLL
      for (int r = 0; r < kRows; ++r) {
        SPARSE_OPS_UNROLL
        for (int k = 0; k < kRowVectors; ++k) {
          Store(outs + r * chunks.line_floats + k * kLanes, sums[r][k]);
        }
      }
    }
  }
}

float* Aligned(std::vector<float>* room, int64_t floats) {
  room->resize(floats + 64);
  return reinterpret_cast<float*>(
      (reinterpret_cast<uintptr_t>(room->data()) + 63) / 64 * 64);
}

// Either product over panels: single weights, or blocks.
class OverPanels {
 public:
  OverPanels(const Layer& layer, bool by_blocks)
      : layer_(layer),
        by_blocks_(by_blocks),
        chunks_(CutChunks(layer, kBlockVectors)) {
    for (int64_t at = 0; at < layer.inputs; at += chunks_.lines) {
      if (by_blocks) {
        blocks_.push_back(PackBlocks(layer, kRows, at, chunks_.lines));
      } else {
        singles_.push_back(PackSingles(layer, chunks_, at));
      }
    }
    panel_ = Aligned(&panel_room_, chunks_.lines * chunks_.line_floats);
    sums_ = Aligned(&sums_room_, layer.outputs * chunks_.line_floats);
  }

  void Run(float* output) {
    const int64_t block = chunks_.line_floats;
    std::vector<const float*> from(block);
    std::vector<float*> to(block);
    for (int64_t p = 0; p < layer_.pixels; p += block) {
      for (int64_t i = 0; i < block; ++i) {
        const bool is_there = p + i < layer_.pixels;
        from[i] = &layer_.input[(is_there ? p + i : 0) * layer_.inputs];
        to[i] = is_there ? output + (p + i) * layer_.outputs : nullptr;
      }
      for (int64_t at = 0, n = 0; at < layer_.inputs; at += chunks_.lines) {
        const int64_t count = std::min(chunks_.lines, layer_.inputs - at);
        Gather(from.data(), block, at, count, panel_, block);
        Multiply(n++, at == 0, at + count == layer_.inputs);
      }
      Scatter(sums_, block, block, layer_.outputs, to.data());
    }
  }

 private:
  void Multiply(int64_t n, bool is_first, bool is_last) {
    if (by_blocks_) {
      MultiplyBlocks(layer_, blocks_[n], chunks_, panel_, is_first, sums_);
      return;
    }
    const Singles& packed = singles_[n];
    const SparseProduct product = {panel_,
                                   sums_,
                                   chunks_.line_floats,
                                   0,
                                   layer_.outputs / kGroup,
                                   packed.channels.data(),
                                   packed.group_begin.data(),
                                   packed.values.data(),
                                   packed.offsets.data(),
                                   layer_.bias.data(),
                                   {-INFINITY, INFINITY}};
    MultiplySparse(chunks_.vectors, is_first, is_last, product);
  }

  const Layer& layer_;
  const bool by_blocks_;
  const Chunks chunks_;
  std::vector<Singles> singles_;
  std::vector<Blocks> blocks_;
  std::vector<float> panel_room_, sums_room_;
  float *panel_, *sums_;
};

// A vector of outputs for each of some pixels.
class OverPixels {
 public:
  explicit OverPixels(const Layer& layer)
      : layer_(layer), blocks_(PackBlocks(layer, kLanes, 0, layer.inputs)) {}

  void Run(float* output) {
    for (int64_t p = 0; p < layer_.pixels; p += kPixels) {
      // The last ones are done twice.
      const int64_t at = std::min(p, layer_.pixels - kPixels);
      const float* const input = &layer_.input[at * layer_.inputs];
      for (int64_t o = 0; o < layer_.outputs; o += kLanes) {
        Vec sums[kPixels];
        const Vec bias = Load<Vec>(&layer_.bias[o]);
        SPARSE_OPS_UNROLL
        for (int i = 0; i < kPixels; ++i) sums[i] = bias;
        const int64_t end = blocks_.begin[o / kLanes + 1];
        for (int64_t n = blocks_.begin[o / kLanes]; n < end; ++n) {
          const Vec values = Load<Vec>(&blocks_.values[n * kLanes]);
          const float* const pixel = input + blocks_.lines[n];
#pragma GCC unroll 24
          for (int i = 0; i < kPixels; ++i) {
            sums[i] = MulAdd(values, Splat<Vec>(pixel[i * layer_.inputs]),
                             sums[i]);
          }
        }
#pragma GCC unroll 24
        for (int i = 0; i < kPixels; ++i) {
          Store(output + (at + i) * layer_.outputs + o, sums[i]);
        }
      }
    }
  }

 private:
  const Layer& layer_;
  const Blocks blocks_;
};

void Check(const Layer& layer, const std::vector<float>& output) {
  for (int64_t p = 0; p < layer.pixels; p += 37) {
    for (int64_t o = 0; o < layer.outputs; ++o) {
      double sum = layer.bias[o];
      for (int64_t i = 0; i < layer.inputs; ++i) {
        sum += double{layer.input[p * layer.inputs + i]} *
               layer.weights[i * layer.outputs + o];
      }
      if (fabs(sum - output[p * layer.outputs + o]) > 1e-3) {
        fprintf(stderr, "wrong result at pixel %d, output %d\n",
                static_cast<int>(p), static_cast<int>(o));
        exit(1);
      }
    }
  }
}

// What is timed.
struct Candidate {
  std::function<void(float*)> run;
  std::vector<double> times;
};

// Runs products in turns, and prints the median of each in milliseconds.
void Compare(std::vector<Candidate> candidates, int64_t floats) {
  std::vector<float> output(floats);
  for (int i = 0; i < kRounds; ++i) {
    for (Candidate& candidate : candidates) {
      const auto begin = std::chrono::steady_clock::now();
      candidate.run(output.data());
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - begin;
      candidate.times.push_back(took.count());
    }
  }
  for (Candidate& candidate : candidates) {
    std::vector<double>& times = candidate.times;
    std::nth_element(times.begin(), times.begin() + kRounds / 2, times.end());
    printf("%.4f ", times[kRounds / 2]);
  }
  printf("\n");
}

template <typename Product>
Candidate Checked(const Layer& layer, const std::shared_ptr<Product>& product) {
  std::vector<float> output(layer.pixels * layer.outputs);
  product->Run(output.data());
  Check(layer, output);
  return {[product](float* to) { product->Run(to); }, {}};
}

}  // namespace
}  // namespace sparse_ops

int main(int count, char** arguments) {
  using namespace sparse_ops;  // NOLINT
  if (count != 5) return 2;
  const int64_t pixels = atoi(arguments[1]), inputs = atoi(arguments[2]);
  const int64_t outputs = atoi(arguments[3]);
  const double sparsity = atof(arguments[4]);
  const Layer singles = MakeLayer(pixels, inputs, outputs, sparsity, 1);
  const Layer blocks = MakeLayer(pixels, inputs, outputs, sparsity, kBlock);
  std::vector<Candidate> candidates;
  candidates.push_back(
      Checked(singles, std::make_shared<OverPanels>(singles, false)));
  candidates.push_back(
      Checked(blocks, std::make_shared<OverPanels>(blocks, true)));
  candidates.push_back(Checked(blocks, std::make_shared<OverPixels>(blocks)));
  Compare(std::move(candidates), pixels * outputs);
  return 0;
}
