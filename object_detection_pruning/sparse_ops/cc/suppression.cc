#include "suppression.h"

#include <algorithm>

#include "ranking.h"
#include "tensorflow/core/public/version.h"

namespace sparse_ops {
namespace {

// An overlap that is not a number suppresses in TensorFlow from 1.15 on.
const bool kNanSuppresses =
    TF_MAJOR_VERSION > 1 || (TF_MAJOR_VERSION == 1 && TF_MINOR_VERSION >= 15);

// Candidates to order at first, for each detection that is wanted. Many are
// suppressed.
const int64_t kCandidatesPerDetection = 4;

float Area(const Box& box) {
  return (box.bottom - box.top) * (box.right - box.left);
}

// The same box with corners in order, and its area.
struct Shape {
  Box box;
  float area;

  explicit Shape(const Box& given)
      : box{std::min(given.top, given.bottom), std::min(given.left, given.right),
            std::max(given.top, given.bottom),
            std::max(given.left, given.right)},
        area(Area(box)) {}
};

bool Suppresses(const Shape& a, const Shape& b, float threshold) {
  if (a.area <= 0 || b.area <= 0) return false;
  const float height =
      std::max(std::min(a.box.bottom, b.box.bottom) -
                   std::max(a.box.top, b.box.top),
               0.0f);
  const float width = std::max(std::min(a.box.right, b.box.right) -
                                   std::max(a.box.left, b.box.left),
                               0.0f);
  const float common = height * width;
  const float overlap = common / (a.area + b.area - common);
  return kNanSuppresses ? !(overlap <= threshold) : overlap > threshold;
}

Box Clip(const Box& box, const Box& window) {
  return {std::max(std::min(box.top, window.bottom), window.top),
          std::max(std::min(box.left, window.right), window.left),
          std::max(std::min(box.bottom, window.bottom), window.top),
          std::max(std::min(box.right, window.right), window.left)};
}

// The boxes of a class that were selected.
class Selected {
 public:
  // Whether the box was added, too.
  bool Add(const Box& box, float iou_threshold) {
    const Shape shape(box);
    // Boxes that overlap have similar scores, so the last ones come first.
    for (size_t i = shapes_.size(); i > 0; --i) {
      if (Suppresses(shape, shapes_[i - 1], iou_threshold)) return false;
    }
    shapes_.push_back(shape);
    return true;
  }

  int64_t size() const { return static_cast<int64_t>(shapes_.size()); }

 private:
  std::vector<Shape> shapes_;
};

}  // namespace

void Suppress(const Predictions& predictions, const SuppressionLimits& limits,
              const Box& window, std::vector<Detection>* detections) {
  detections->clear();
  Ranking ranking(predictions, limits.score_threshold);
  std::vector<Selected> selected(predictions.classes);
  int64_t full = 0;
  int64_t wanted = kCandidatesPerDetection * limits.most_of_all;
  while (true) {
    const std::vector<Candidate>& candidates = ranking.Next(wanted);
    if (candidates.empty()) return;
    for (const Candidate& candidate : candidates) {
      Selected& of_class = selected[candidate.class_index];
      if (of_class.size() >= limits.most_of_class) continue;
      const Box& box = predictions.box(candidate.row, candidate.class_index);
      if (!of_class.Add(box, limits.iou_threshold)) continue;
      if (of_class.size() == limits.most_of_class) ++full;
      const Box clipped = Clip(box, window);
      if (Area(clipped) > 0) {
        detections->push_back({candidate.score, candidate.class_index,
                               candidate.row, clipped});
        const int64_t count = static_cast<int64_t>(detections->size());
        if (count == limits.most_of_all) return;
      }
      if (full == predictions.classes) return;
    }
    wanted *= kCandidatesPerDetection;
  }
}

}  // namespace sparse_ops
