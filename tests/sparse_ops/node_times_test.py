import small_detector

from object_detection_pruning.graphs import sample_feeds
from object_detection_pruning.sparse_ops import node_times, rewrite


def test_nodes_of_plain_and_sparse_graphs_are_timed():
  plain = small_detector.graph_def()
  rewritten = rewrite.rewrite(plain, min_sparsity=0)
  feeds = sample_feeds.make(plain, small_detector.photos()[0])
  times = node_times.measure(
    [plain, rewritten.graph_def], feeds, ['detection_scores:0'], rounds=2
  )
  ops = [
    name
    for name, stands_for in rewritten.origins.items()
    if 'down/c' in stands_for and times[1].get(name)
  ]
  assert ops
  assert 'down/c' not in times[1]
  # TensorFlow fuses nodes, and names the result after one of them.
  stands_for = rewritten.origins[ops[0]]
  assert sum(times[0].get(name, 0) for name in stands_for) > 0


def test_all_nodes_that_were_made_say_what_they_stand_for():
  plain = small_detector.graph_def()
  rewritten = rewrite.rewrite(plain, min_sparsity=0)
  before = {node.name for node in plain.node}
  made = {node.name for node in rewritten.graph_def.node}
  assert set(rewritten.origins) >= made - before
  assert before >= set().union(*rewritten.origins.values())
