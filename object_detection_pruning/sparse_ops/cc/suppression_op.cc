// MultiClassNonMaxSuppression: the detections of a batch, from all boxes and
// scores to lists that are filled up with zeros.
#include <algorithm>
#include <limits>
#include <vector>

#include "sharing_out.h"
#include "suppression.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "window_attributes.h"

namespace sparse_ops {

using tensorflow::OpInputList;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::OpOutputList;
using tensorflow::Status;
using tensorflow::Tensor;
using tensorflow::TensorShape;
using tensorflow::errors::InvalidArgument;
using tensorflow::shape_inference::DimensionHandle;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;

namespace {

enum Inputs { kBoxes, kScores, kWindow, kCount, kFields };
enum Outputs { kNmsBoxes, kNmsScores, kNmsClasses, kNmsCount, kNmsFields };

// Cycles for a score.
const int64_t kCycles = 10;

// What a detector could ever list; memory is set aside for it.
const tensorflow::int32 kMostDetections = 1 << 24;

struct Attributes {
  SuppressionLimits limits;
  int first_class;
  bool changes_frame;
};

template <typename Context>
Status ReadAttributes(Context* context, Attributes* attributes) {
  SuppressionLimits* limits = &attributes->limits;
  tensorflow::int32 of_class, of_all;
  TF_RETURN_IF_ERROR(
      context->GetAttr("score_threshold", &limits->score_threshold));
  TF_RETURN_IF_ERROR(context->GetAttr("iou_threshold",
                                      &limits->iou_threshold));
  TF_RETURN_IF_ERROR(context->GetAttr("max_size_per_class", &of_class));
  TF_RETURN_IF_ERROR(context->GetAttr("max_total_size", &of_all));
  TF_RETURN_IF_ERROR(context->GetAttr("first_class",
                                      &attributes->first_class));
  TF_RETURN_IF_ERROR(context->GetAttr("change_coordinate_frame",
                                      &attributes->changes_frame));
  // Written so that a value that is not a number is refused.
  if (!(limits->score_threshold >= 0)) {
    return InvalidArgument("score_threshold must not be negative, got ",
                           limits->score_threshold);
  }
  if (!(limits->iou_threshold >= 0 && limits->iou_threshold <= 1)) {
    return InvalidArgument("iou_threshold must be in [0, 1], got ",
                           limits->iou_threshold);
  }
  for (tensorflow::int32 most : {of_class, of_all}) {
    if (most < 1 || most > kMostDetections) {
      return InvalidArgument("max_size_per_class and max_total_size must be in "
                             "1..", kMostDetections, ", got ", most);
    }
  }
  if (attributes->first_class < 0) {
    return InvalidArgument("first_class must not be negative, got ",
                           attributes->first_class);
  }
  limits->most_of_class = of_class;
  limits->most_of_all = of_all;
  return Status();
}

Status SuppressionShape(InferenceContext* context) {
  Attributes attributes;
  TF_RETURN_IF_ERROR(ReadAttributes(context, &attributes));
  ShapeHandle boxes, scores, window, count, four;
  TF_RETURN_IF_ERROR(context->WithRank(context->input(kBoxes), 4, &boxes));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(kScores), 3, &scores));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(kWindow), 2, &window));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(kCount), 1, &count));
  DimensionHandle batch = context->Dim(boxes, 0), unused;
  for (ShapeHandle other : {scores, window, count}) {
    TF_RETURN_IF_ERROR(context->Merge(batch, context->Dim(other, 0), &batch));
  }
  TF_RETURN_IF_ERROR(context->WithValue(context->Dim(boxes, 3), 4, &unused));
  TF_RETURN_IF_ERROR(context->WithValue(context->Dim(window, 1), 4, &unused));
  const int64_t most = attributes.limits.most_of_all;
  if (context->ValueKnown(batch)) {
    TF_RETURN_IF_ERROR(CheckOutputSize(context->Value(batch), most, 4, 1));
  }
  context->set_output(kNmsBoxes, context->MakeShape({batch, most, 4}));
  context->set_output(kNmsScores, context->MakeShape({batch, most}));
  context->set_output(kNmsClasses, context->MakeShape({batch, most}));
  context->set_output(kNmsCount, context->MakeShape({batch}));
  for (int i = kFields; i < context->num_inputs(); ++i) {
    ShapeHandle field, values;
    TF_RETURN_IF_ERROR(context->WithRankAtLeast(context->input(i), 2, &field));
    TF_RETURN_IF_ERROR(context->Subshape(field, 2, &values));
    TF_RETURN_IF_ERROR(context->Concatenate(context->MakeShape({batch, most}),
                                            values, &field));
    context->set_output(kNmsFields + i - kFields, field);
  }
  return Status();
}

// A float for each row of an image, or many.
struct Field {
  const float* input;
  float* output;
  int64_t row_size;
};

// The tensors of a batch, once their shapes are known to fit.
struct Batch {
  Predictions predictions;  // of the first image
  const Box* windows;
  std::vector<tensorflow::int32> counts;
  std::vector<Field> fields;
  Box* boxes;
  float* scores;
  float* classes;
  tensorflow::int32* numbers;
};

class MultiClassNonMaxSuppression : public tensorflow::OpKernel {
 public:
  explicit MultiClassNonMaxSuppression(OpKernelConstruction* context)
      : OpKernel(context) {
    OP_REQUIRES_OK(context, ReadAttributes(context, &attributes_));
  }

  void Compute(OpKernelContext* context) override {
    Batch batch;
    OP_REQUIRES_OK(context, ReadInputs(context, &batch));
    OP_REQUIRES_OK(context, MakeOutputs(context, &batch));
    const int64_t images = batch.counts.size();
    if (images == 0) return;
    const auto& workers = *context->device()->tensorflow_cpu_worker_threads();
    ShareOut(workers, images,
             CyclesPerUnit(images, {batch.predictions.count,
                                    batch.predictions.classes, kCycles}),
             [&](int64_t first, int64_t last) {
               for (int64_t i = first; i < last; ++i) Detect(batch, i);
             });
  }

 private:
  Status ReadInputs(OpKernelContext* context, Batch* batch) const {
    const Tensor& boxes = context->input(kBoxes);
    const Tensor& scores = context->input(kScores);
    const Tensor& windows = context->input(kWindow);
    const Tensor& counts = context->input(kCount);
    if (boxes.dims() != 4 || boxes.dim_size(3) != 4) {
      return InvalidArgument("boxes must be [batch, count, classes, 4], got ",
                             boxes.shape().DebugString());
    }
    const int64_t images = boxes.dim_size(0), count = boxes.dim_size(1);
    if (scores.dims() != 3 || scores.dim_size(0) != images ||
        scores.dim_size(1) != count) {
      return InvalidArgument("scores must be [", images, ", ", count,
                             ", classes], got ", scores.shape().DebugString());
    }
    const int64_t columns = scores.dim_size(2);
    const int64_t classes = columns - attributes_.first_class;
    const int64_t most = std::numeric_limits<tensorflow::int32>::max();
    if (classes < 1 || columns > most || count > most) {
      return InvalidArgument("scores must have up to ", most, " rows, and more "
                             "columns than the ", attributes_.first_class,
                             " before the first class, got ",
                             scores.shape().DebugString());
    }
    if (boxes.dim_size(2) != 1 && boxes.dim_size(2) != classes) {
      return InvalidArgument("boxes must be of 1 or ", classes,
                             " classes, got ", boxes.shape().DebugString());
    }
    if (windows.dims() != 2 || windows.dim_size(0) != images ||
        windows.dim_size(1) != 4) {
      return InvalidArgument("clip_window must be [", images, ", 4], got ",
                             windows.shape().DebugString());
    }
    if (counts.dims() != 1 || counts.dim_size(0) != images) {
      return InvalidArgument("num_valid_boxes must be [", images, "], got ",
                             counts.shape().DebugString());
    }
    // A copy: another op may change what has been checked, in place.
    const tensorflow::int32* first = counts.flat<tensorflow::int32>().data();
    batch->counts.assign(first, first + images);
    for (tensorflow::int32 number : batch->counts) {
      if (number < 0 || number > count) {
        return InvalidArgument("num_valid_boxes must be in 0..", count,
                               ", got ", number);
      }
    }
    batch->predictions = {
        reinterpret_cast<const Box*>(boxes.flat<float>().data()),
        scores.flat<float>().data(),
        count,
        boxes.dim_size(2),
        columns,
        attributes_.first_class,
        classes};
    batch->windows = reinterpret_cast<const Box*>(windows.flat<float>().data());
    return Status();
  }

  Status MakeOutputs(OpKernelContext* context, Batch* batch) const {
    const int64_t images = batch->counts.size();
    const int64_t most = attributes_.limits.most_of_all;
    TF_RETURN_IF_ERROR(CheckOutputSize(images, most, 4, 1));
    Tensor *boxes, *scores, *classes, *numbers;
    TF_RETURN_IF_ERROR(context->allocate_output(
        kNmsBoxes, TensorShape({images, most, 4}), &boxes));
    TF_RETURN_IF_ERROR(context->allocate_output(
        kNmsScores, TensorShape({images, most}), &scores));
    TF_RETURN_IF_ERROR(context->allocate_output(
        kNmsClasses, TensorShape({images, most}), &classes));
    TF_RETURN_IF_ERROR(context->allocate_output(
        kNmsCount, TensorShape({images}), &numbers));
    batch->boxes = reinterpret_cast<Box*>(boxes->flat<float>().data());
    batch->scores = scores->flat<float>().data();
    batch->classes = classes->flat<float>().data();
    batch->numbers = numbers->flat<tensorflow::int32>().data();
    OpInputList fields;
    OpOutputList made;
    TF_RETURN_IF_ERROR(context->input_list("fields", &fields));
    TF_RETURN_IF_ERROR(context->output_list("nms_fields", &made));
    for (int i = 0; i < fields.size(); ++i) {
      const Tensor& field = fields[i];
      if (field.dims() < 2 || field.dim_size(0) != images ||
          field.dim_size(1) != batch->predictions.count) {
        return InvalidArgument("fields must be [", images, ", ",
                               batch->predictions.count, ", ...], got ",
                               field.shape().DebugString());
      }
      TensorShape shape({images, most});
      int64_t row_size = 1, room = std::numeric_limits<int64_t>::max() /
                                   std::max<int64_t>(1, images) / most;
      for (int d = 2; d < field.dims(); ++d) {
        row_size *= field.dim_size(d);
        // Also of a field of no values, whose other sizes must be countable.
        room /= std::max<int64_t>(1, field.dim_size(d));
      }
      if (room < static_cast<int64_t>(sizeof(float))) {
        return InvalidArgument("output of field ", i, " is too large: ",
                               field.shape().DebugString());
      }
      for (int d = 2; d < field.dims(); ++d) shape.AddDim(field.dim_size(d));
      Tensor* output;
      TF_RETURN_IF_ERROR(made.allocate(i, shape, &output));
      batch->fields.push_back({field.flat<float>().data(),
                               output->flat<float>().data(), row_size});
    }
    return Status();
  }

  void Detect(const Batch& batch, int64_t image) const {
    const int64_t most = attributes_.limits.most_of_all;
    Predictions predictions = batch.predictions;
    const int64_t rows = predictions.count;
    predictions.boxes += image * rows * predictions.box_classes;
    predictions.scores += image * rows * predictions.score_columns;
    predictions.count = batch.counts[image];
    const Box window = batch.windows[image];
    std::vector<Detection> detections;
    Suppress(predictions, attributes_.limits, window, &detections);
    const int64_t found = detections.size();
    batch.numbers[image] = static_cast<tensorflow::int32>(found);
    Box* boxes = batch.boxes + image * most;
    float* scores = batch.scores + image * most;
    float* classes = batch.classes + image * most;
    for (int64_t i = 0; i < found; ++i) {
      boxes[i] = InFrame(detections[i].box, window);
      scores[i] = detections[i].score;
      classes[i] = static_cast<float>(detections[i].class_index);
    }
    std::fill(boxes + found, boxes + most, Box{0, 0, 0, 0});
    std::fill(scores + found, scores + most, 0.0f);
    std::fill(classes + found, classes + most, 0.0f);
    for (const Field& field : batch.fields) {
      const float* input = field.input + image * rows * field.row_size;
      float* output = field.output + image * most * field.row_size;
      for (const Detection& detection : detections) {
        output = std::copy_n(input + detection.row * field.row_size,
                             field.row_size, output);
      }
      std::fill_n(output, (most - found) * field.row_size, 0.0f);
    }
  }

  // As the Object Detection API has it: times the inverse, which is not the same
  // as a quotient to the last bit.
  Box InFrame(const Box& box, const Box& window) const {
    if (!attributes_.changes_frame) return box;
    const float by_height = 1.0f / (window.bottom - window.top);
    const float by_width = 1.0f / (window.right - window.left);
    return {by_height * (box.top - window.top),
            by_width * (box.left - window.left),
            by_height * (box.bottom - window.top),
            by_width * (box.right - window.left)};
  }

  Attributes attributes_;
};

}  // namespace

REGISTER_OP("MultiClassNonMaxSuppression")
    .Input("boxes: float")
    .Input("scores: float")
    .Input("clip_window: float")
    .Input("num_valid_boxes: int32")
    .Input("fields: num_fields * float")
    .Output("nms_boxes: float")
    .Output("nms_scores: float")
    .Output("nms_classes: float")
    .Output("num_detections: int32")
    .Output("nms_fields: num_fields * float")
    .Attr("num_fields: int >= 0 = 0")
    .Attr("score_threshold: float")
    .Attr("iou_threshold: float")
    .Attr("max_size_per_class: int")
    .Attr("max_total_size: int")
    .Attr("first_class: int = 0")
    .Attr("change_coordinate_frame: bool = false")
    .SetShapeFn(SuppressionShape)
    .Doc(R"doc(
Non-maximum suppression of each class of each image, as the Object Detection
API has it: boxes [batch, rows, 1 or classes, 4], of which the first
num_valid_boxes of each image count, scores [batch, rows, first_class +
classes]. The best max_total_size boxes of all classes, clipped to the window,
and the rows of `fields` that they are from. What is missing is zero.
)doc");

REGISTER_KERNEL_BUILDER(
    Name("MultiClassNonMaxSuppression").Device(tensorflow::DEVICE_CPU),
    MultiClassNonMaxSuppression);

}  // namespace sparse_ops
