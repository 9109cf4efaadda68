"""GraphDefs: read, index, cut, freeze and write them. Knows nothing of pruning.

In: a file or a `GraphDef`. Whatever comes from a file passes one gate first
(`graph_check`). Out: an index of who feeds whom (`graph_index`), the
convolutional layers (`conv_layers`), parts of a graph (`subgraphs`), constants
in place of variables (`freezing`), values to feed it with (`sample_feeds`).
"""
