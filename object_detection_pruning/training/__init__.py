"""Training with pruning: the stock Estimator under the getters and hooks.

`model_lib.create_estimator_and_inputs` is the stock function with masks in its
model, `loop.train` a whole run; `soft/` is soft filter pruning.
"""
