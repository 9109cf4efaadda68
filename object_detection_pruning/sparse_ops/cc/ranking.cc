#include "ranking.h"

#include <algorithm>
#include <cstring>
#include <queue>

#include "tensorflow/core/public/version.h"

namespace sparse_ops {
namespace {

// Of equal scores of a class, TensorFlow takes the first row first. Before 1.15
// it takes the one that its heap happens to have on top.
const bool kTakesEqualsAsHeap =
    TF_MAJOR_VERSION < 1 || (TF_MAJOR_VERSION == 1 && TF_MINOR_VERSION < 15);

// Sign, exponent and six bits of the fraction: the scores of a bucket are within
// two per cent, and its like seldom has more than a detector needs.
const int kBucketShift = 17;
const int64_t kBuckets = 1 << 15;

int64_t BucketOf(float score) {
  uint32_t bits;
  std::memcpy(&bits, &score, sizeof bits);
  return bits >> kBucketShift;
}

bool Before(const Candidate& a, const Candidate& b) {
  if (a.score != b.score) return a.score > b.score;
  if (a.class_index != b.class_index) return a.class_index < b.class_index;
  return a.row < b.row;
}

}  // namespace

Ranking::Ranking(const Predictions& predictions, float threshold)
    : predictions_(predictions),
      threshold_(threshold),
      counts_(kBuckets, 0),
      upper_(kBuckets) {
  for (int64_t row = 0; row < predictions.count; ++row) {
    for (int64_t c = 0; c < predictions.classes; ++c) {
      const float score = predictions.score(row, c);
      // Not true of a score that is not a number.
      if (score > threshold) ++counts_[BucketOf(score)];
    }
  }
}

const std::vector<Candidate>& Ranking::Next(int64_t wanted) {
  found_.clear();
  int64_t lower = upper_, total = 0;
  while (lower > 0 && total < wanted) total += counts_[--lower];
  if (total == 0) return found_;
  found_.reserve(total);
  // All scores of the lowest bucket or a higher one are above this.
  const uint32_t bits = static_cast<uint32_t>(lower) << kBucketShift;
  float least;
  std::memcpy(&least, &bits, sizeof least);
  for (int64_t row = 0; row < predictions_.count; ++row) {
    for (int64_t c = 0; c < predictions_.classes; ++c) {
      const float score = predictions_.score(row, c);
      if (!(score >= least) || !(score > threshold_)) continue;
      if (BucketOf(score) >= upper_) continue;
      found_.push_back(
          {score, static_cast<int32_t>(c), static_cast<int32_t>(row)});
    }
  }
  upper_ = lower;
  std::sort(found_.begin(), found_.end(), Before);
  if (kTakesEqualsAsHeap) OrderEqualScores();
  return found_;
}

void Ranking::OrderEqualScores() {
  std::vector<int32_t> classes;
  for (size_t i = 1; i < found_.size(); ++i) {
    if (found_[i].score == found_[i - 1].score &&
        found_[i].class_index == found_[i - 1].class_index) {
      classes.push_back(found_[i].class_index);
    }
  }
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  for (int32_t class_index : classes) OrderAsHeap(class_index);
}

// The order of equal scores follows from all scores of the class, put into the
// queue in the order of their rows.
void Ranking::OrderAsHeap(int64_t class_index) {
  const auto is_lower = [](const Candidate& a, const Candidate& b) {
    return a.score < b.score;
  };
  std::priority_queue<Candidate, std::vector<Candidate>, decltype(is_lower)>
      queue(is_lower);
  for (int64_t row = 0; row < predictions_.count; ++row) {
    const float score = predictions_.score(row, class_index);
    if (score > threshold_) {
      queue.push({score, static_cast<int32_t>(class_index),
                  static_cast<int32_t>(row)});
    }
  }
  for (Candidate& candidate : found_) {
    if (candidate.class_index != class_index) continue;
    // Those before the first of this part have been given.
    while (!queue.empty() && queue.top().score > candidate.score) queue.pop();
    if (queue.empty()) return;
    candidate = queue.top();
    queue.pop();
  }
}

}  // namespace sparse_ops
