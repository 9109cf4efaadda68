"""Sparse inference inside TensorFlow: ops, graph rewrite, reports.

In: a frozen graph. Out: the same graph on ops that skip zeros. `cc/` has their
C++ sources, `library` builds and loads them, `rewrite.rewrite` finds the layers
that they can do, one kind of layer a module.
"""
