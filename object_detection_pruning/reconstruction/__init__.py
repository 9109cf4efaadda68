"""Pruning without training: masks and refitted weights from unlabelled photos.

In: a frozen detector (`model`), pictures (`photos`) and what is asked
(`request`). Out: the values of all kernels and of what corrects their means
(`pruning`), which `model` puts back into the graph.

For each layer the moments of its inputs in the pruned network and of its
outputs in the dense one are summed up (`observations`, `moments`), a mask is
searched (`admm`, `granularity`) and the kept weights are solved for
(`least_squares`). How many zeros a layer gets follows from what its error costs
at the outputs of the detector (`output_cost`, `survey`, `allocation`).
"""
