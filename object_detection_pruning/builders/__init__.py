"""From a pipeline config to objects, as the builders of OD API do.

`pipeline` reads and writes configs, `pruning_builder` checks the `pruning`
message, `inference_graph` and `training_graph` build the network, and
`input_checks` look for what a config refers to before any long work.
"""
