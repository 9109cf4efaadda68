"""Batch norm: where it is, exact statistics, and folding it into kernels.

`recalibration.recalibrate` writes a checkpoint with exact statistics,
`moving_statistics` warns of stale ones, `folding.fold` rewrites a GraphDef.
"""
