"""Which layer can lose how much: each layer is pruned alone and evaluated.

In: a config, a checkpoint and evaluation data. Out: a file of points that is
whole after each of them, plots, and what each layer is to lose.
"""
