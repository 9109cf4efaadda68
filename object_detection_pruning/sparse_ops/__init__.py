"""Sparse inference inside TensorFlow: ops, graph rewrite, reports."""
