// Non-maximum suppression of each class of one image, as NonMaxSuppressionV3 and
// the Object Detection API have it, result by result.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_SUPPRESSION_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_SUPPRESSION_H_

#include <stdint.h>

#include <vector>

namespace sparse_ops {

struct Box {
  float top;
  float left;
  float bottom;
  float right;
};

struct SuppressionLimits {
  float score_threshold;  // not negative; scores must be above it
  float iou_threshold;
  int64_t most_of_class;
  int64_t most_of_all;
};

// The predictions of one image.
struct Predictions {
  const Box* boxes;     // [count][box_classes]
  const float* scores;  // [count][score_columns]
  int64_t count;
  int64_t box_classes;    // 1: all classes share their boxes
  int64_t score_columns;
  int64_t first_class;    // the column of class 0
  int64_t classes;

  const Box& box(int64_t row, int64_t c) const {
    return boxes[row * box_classes + (box_classes == 1 ? 0 : c)];
  }
  float score(int64_t row, int64_t c) const {
    return scores[row * score_columns + first_class + c];
  }
};

struct Detection {
  float score;
  int32_t class_index;
  int32_t row;
  Box box;  // clipped to the window
};

// Finds the best boxes: those that no better one of their class overlaps, and
// that have a part in the window. Best first; of equal scores the lower class,
// and of one class the one that this TensorFlow takes first.
void Suppress(const Predictions& predictions, const SuppressionLimits& limits,
              const Box& window, std::vector<Detection>* detections);

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_SUPPRESSION_H_
