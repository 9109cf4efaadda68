"""From a trained checkpoint or any graph to what stock tools read.

`stripping` folds masks into weights, `exporter` calls the stock exporter,
`graph_stripping` and `stripped_files` take masks out of a graph, `optimizing`
folds what can be folded, `tflite` writes TFLite models.
"""
