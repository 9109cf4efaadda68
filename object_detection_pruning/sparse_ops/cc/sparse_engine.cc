#include "sparse_engine.h"

#include <algorithm>

#include "scratch.h"
#include "tensorflow/core/util/work_sharder.h"

namespace sparse_ops {
namespace {

class BlockRunner {
 public:
  BlockRunner(const PanelPlan& plan, const PackedKernel& kernel,
              const KernelShape& shape, const float* bias, const Range& range,
              const Kernels& kernels, const std::vector<OutputSlice>& slices)
      : plan_(plan),
        kernel_(kernel),
        shape_(shape),
        bias_(bias),
        range_(range),
        kernels_(kernels),
        slices_(slices),
        source_(plan.MakeSource()),
        row_stride_(plan.block_vectors * kernels.lanes) {}

  // Output channels [begin, end) of one block.
  void Run(int64_t block_index, int64_t begin, int64_t end) {
    static thread_local Scratch panel_scratch, sum_scratch;
    source_->Begin(block_index, &block_);
    if (block_.positions == 0) return;
    SparseProduct product;
    product.panel = panel_scratch.Get(kernel_.chunk_rows * row_stride_);
    product.accumulators = sum_scratch.Get((end - begin) * row_stride_);
    product.row_stride = row_stride_;
    product.entries = kernel_.entries.data();
    product.bias = bias_;
    product.begin = begin;
    product.end = end;
    product.range = range_;
    float* panel = const_cast<float*>(product.panel);
    for (int64_t c = 0; c < kernel_.chunks(); ++c) {
      for (int64_t s = kernel_.chunk_segments[c];
           s < kernel_.chunk_segments[c + 1]; ++s) {
        const Segment& segment = kernel_.segments[s];
        source_->Fill(segment, panel + segment.panel_row * row_stride_,
                      row_stride_);
      }
      product.row_begin = &kernel_.row_begin[c * (shape_.outputs + 1)];
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
    const int64_t depth = slice.end - slice.begin;
    pixels_.resize(block_.positions);
    for (int64_t i = 0; i < block_.positions; ++i) {
      pixels_[i] = block_.outputs[i] < 0
                       ? nullptr
                       : slice.data + block_.outputs[i] * depth + from -
                             slice.begin;
    }
    kernels_.scatter(sums + (from - begin) * row_stride_, row_stride_,
                     block_.positions, to - from, pixels_.data());
  }

  const PanelPlan& plan_;
  const PackedKernel& kernel_;
  const KernelShape& shape_;
  const float* const bias_;
  const Range range_;
  const Kernels& kernels_;
  const std::vector<OutputSlice>& slices_;
  const std::unique_ptr<PanelSource> source_;
  const int64_t row_stride_;
  Block block_;
  std::vector<float*> pixels_;
};

}  // namespace

void RunSparseConvolution(tensorflow::OpKernelContext* context,
                          const PanelPlan& plan, const PackedKernel& kernel,
                          const KernelShape& shape, const float* bias,
                          const Range& range, const Kernels& kernels,
                          const std::vector<OutputSlice>& slices) {
  const auto& workers = *context->device()->tensorflow_cpu_worker_threads();
  // Too few blocks to keep every thread busy: each is shared by channel.
  int64_t tiles = 1;
  if (workers.num_threads > 1 && plan.blocks < 2 * workers.num_threads) {
    tiles = std::min<int64_t>(workers.num_threads,
                              shape.outputs / (2 * kernels.lanes));
    tiles = std::max<int64_t>(tiles, 1);
  }
  const int64_t nonzeros = kernel.entries.size();
  const int64_t block_cycles =
      plan.block_vectors * (nonzeros + 8 * shape.rows() + 8 * shape.outputs);
  tensorflow::Shard(
      workers.num_threads, workers.workers, plan.blocks * tiles,
      block_cycles / tiles, [&](int64_t first, int64_t last) {
        BlockRunner runner(plan, kernel, shape, bias, range, kernels, slices);
        for (int64_t i = first; i < last; ++i) {
          const int64_t tile = i % tiles;
          runner.Run(i / tiles, shape.outputs * tile / tiles,
                     shape.outputs * (tile + 1) / tiles);
        }
      });
}

}  // namespace sparse_ops
