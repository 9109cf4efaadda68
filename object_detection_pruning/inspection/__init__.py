"""What a model costs: weights, zeros and multiplications, layer by layer.

In: a frozen graph, SavedModel, sparse graph, TFLite file or checkpoint. Out: a
`model_cost.ModelCost`, from `model_file_cost.measure`.
"""
