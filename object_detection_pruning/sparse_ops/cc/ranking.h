// Puts the scores of all classes in the order in which suppression takes them, as
// many at a time as it asks for: it seldom gets far.
#ifndef OBJECT_DETECTION_PRUNING_SPARSE_OPS_RANKING_H_
#define OBJECT_DETECTION_PRUNING_SPARSE_OPS_RANKING_H_

#include <vector>

#include "suppression.h"

namespace sparse_ops {

struct Candidate {
  float score;
  int32_t class_index;
  int32_t row;
};

class Ranking {
 public:
  // Takes scores above the threshold, which must not be negative.
  Ranking(const Predictions& predictions, float threshold);

  // The next ones, at least `wanted` if there are as many; best first. Empty
  // after the last.
  const std::vector<Candidate>& Next(int64_t wanted);

 private:
  void OrderEqualScores();
  void OrderAsHeap(int64_t class_index);

  const Predictions predictions_;
  const float threshold_;
  // How many scores there are in each bucket: positive floats are in the order
  // of their bits, of which a bucket has the first few.
  std::vector<int32_t> counts_;
  // Buckets from this one on have been given.
  int64_t upper_;
  std::vector<Candidate> found_;
};

}  // namespace sparse_ops

#endif  // OBJECT_DETECTION_PRUNING_SPARSE_OPS_RANKING_H_
