"""What models are evaluated on, and how.

`eval_set` and `examples` read evaluation records, `accuracy` gives COCO metrics
of an exported detector, `evaluator` those of a network in memory whose weights
change; `frontier` and `cut_graph` run what lies before a layer only once.
"""
