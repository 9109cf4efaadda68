"""What models are evaluated on, and how.

`eval_set` holds records and their label map, `eval_inputs` the images of a
pipeline config as its model takes them; `coco_metrics` scores. `accuracy` does
so for an exported detector, `evaluator` for a network in memory whose weights
change. `frontier` and `cut_graph` run what lies before a layer only once.
"""
