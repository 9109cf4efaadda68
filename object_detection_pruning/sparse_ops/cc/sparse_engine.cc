#include "sparse_engine.h"

#include <algorithm>

#include "scratch.h"
#include "sharing_out.h"
#include "tensorflow/core/lib/core/errors.h"
#include "window_attributes.h"

namespace sparse_ops {

using tensorflow::OpKernelContext;
using tensorflow::Status;

namespace {

class BlockRunner {
 public:
  BlockRunner(const PanelPlan& plan, const PackedKernel& kernel,
              const KernelShape& shape, const float* bias, const Range& range,
              const Kernels& kernels, const std::vector<OutputSlice>& slices)
      : plan_(plan),
        kernel_(kernel),
        bias_(bias, bias + shape.outputs),
        range_(range),
        kernels_(kernels),
        slices_(slices),
        source_(plan.MakeSource()),
        row_stride_(plan.block_vectors * kernels.lanes) {
    bias_.push_back(0.0f);
  }

  // The output channels of one tile, at the positions of one block.
  void Run(int64_t block_index, int64_t tile) {
    static thread_local Scratch panel_scratch, sum_scratch;
    source_->Begin(block_index, &block_);
    if (block_.positions == 0) return;
    const int64_t begin = kernel_.tile_channels[tile];
    const int64_t end = kernel_.tile_channels[tile + 1];
    const int64_t first_group = kernel_.tile_groups[tile];
    const int64_t line_floats = plan_.layout.line_floats;
    SparseProduct product;
    product.panel = panel_scratch.Get(kernel_.chunk_lines * line_floats);
    product.accumulators = sum_scratch.Get((end - begin + 1) * row_stride_);
    product.row_stride = row_stride_;
    product.values = kernel_.values.data();
    product.offsets = kernel_.offsets.data();
    product.bias = bias_.data();
    product.first_channel = begin;
    product.groups = kernel_.tile_groups[tile + 1] - first_group;
    product.range = range_;
    float* panel = const_cast<float*>(product.panel);
    for (int64_t c = 0; c < kernel_.chunks(); ++c) {
      for (int64_t s = kernel_.chunk_segments[c];
           s < kernel_.chunk_segments[c + 1]; ++s) {
        const Segment& segment = kernel_.segments[s];
        source_->Fill(segment, panel + segment.first_line * line_floats,
                      line_floats);
      }
      product.channels =
          &kernel_.channels[(c * kernel_.groups() + first_group) *
                            kernels_.group];
      product.group_begin =
          &kernel_.group_begin[c * (kernel_.groups() + 1) + first_group];
      kernels_.sparse_product(block_.positions / kernels_.lanes, c == 0,
                              c == kernel_.chunks() - 1, product);
    }
    for (const OutputSlice& slice : slices_) {
      WriteSlice(slice, product.accumulators, begin, end);
    }
  }

 private:
  void WriteSlice(const OutputSlice& slice, const float* sums, int64_t begin,
                  int64_t end) {
    const int64_t from = std::max(begin, slice.begin);
    const int64_t to = std::min(end, slice.end);
    if (from >= to) return;
    pixels_.resize(block_.positions);
    for (int64_t i = 0; i < block_.positions; ++i) {
      pixels_[i] = block_.outputs[i] < 0
                       ? nullptr
                       : slice.data + block_.outputs[i] * slice.depth + from -
                             slice.begin;
    }
    kernels_.scatter(sums + (from - begin) * row_stride_, row_stride_,
                     block_.positions, to - from, pixels_.data());
  }

  const PanelPlan& plan_;
  const PackedKernel& kernel_;
  std::vector<float> bias_;  // and of the spare channel
  const Range range_;
  const Kernels& kernels_;
  const std::vector<OutputSlice>& slices_;
  const std::unique_ptr<PanelSource> source_;
  const int64_t row_stride_;
  Block block_;
  std::vector<float*> pixels_;
};

// Too few blocks to keep every thread busy: each is shared by channel.
int64_t TilesFor(int threads, int64_t blocks, int64_t outputs, int lanes) {
  if (threads == 1 || blocks >= 2 * threads) return 1;
  return std::max<int64_t>(
      1, std::min<int64_t>(threads, outputs / (2 * lanes)));
}

}  // namespace

Status ReadConstancy(tensorflow::OpKernelConstruction* context,
                     PackedKernelCache* cache) {
  bool constant;
  TF_RETURN_IF_ERROR(context->GetAttr("constant_weights", &constant));
  if (constant) cache->ExpectConstants();
  return Status();
}

Status FindSparseTensors(OpKernelContext* context, SparseTensors* tensors) {
  TF_RETURN_IF_ERROR(context->input("mask", &tensors->mask));
  TF_RETURN_IF_ERROR(context->input("values", &tensors->values));
  tensorflow::OpInputList scales;
  TF_RETURN_IF_ERROR(context->input_list("scales", &scales));
  if (scales.size() > 1) {
    return tensorflow::errors::InvalidArgument(
        "there must be one tensor of scales at most, got ", scales.size());
  }
  if (scales.size() == 1) tensors->scales = &scales[0];
  return Status();
}

Status RunSparseConvolution(OpKernelContext* context, const PanelPlan* plan,
                            const SparseWeights& weights,
                            const Kernels& kernels,
                            const std::vector<OutputSlice>& slices) {
  const auto& workers = *context->device()->tensorflow_cpu_worker_threads();
  const KernelShape& shape = weights.shape;
  const int64_t blocks = plan == nullptr ? 0 : plan->blocks;
  const int64_t block_vectors = plan == nullptr ? 1 : plan->block_vectors;
  PanelLayout layout;
  layout.line_floats = kernels.lanes;
  if (plan != nullptr) layout = plan->layout;
  const int64_t tiles =
      TilesFor(workers.num_threads, blocks, shape.outputs, kernels.lanes);
  std::shared_ptr<const PackedKernel> packed;
  TF_RETURN_IF_ERROR(weights.cache->Get(
      shape, weights.tensors, kernels, layout, tiles, &packed));
  const int64_t multiplied = packed->values.size();
  const int64_t block_cycles =
      block_vectors * (multiplied + 8 * shape.rows() + 8 * shape.outputs);
  ShareOut(workers, blocks * tiles,
           CyclesPerUnit(blocks * tiles, {block_cycles / tiles}),
           [&](int64_t first, int64_t last) {
             BlockRunner runner(*plan, *packed, shape, weights.bias,
                                weights.range, kernels, slices);
             for (int64_t i = first; i < last; ++i) {
               runner.Run(i / tiles, i % tiles);
             }
           });
  return Status();
}

}  // namespace sparse_ops
