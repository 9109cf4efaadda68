"""The nouns of pruning: masks, schedules, criteria, allocation, the pruner.

Pure functions and small objects. `masking.masking_scope` masks the kernels that
are built under it, `widths.width_scope` makes them narrower, `schedules` say
how sparse they are at a step, `pruner.Pruner` changes the masks.
"""
