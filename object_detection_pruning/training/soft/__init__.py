"""Soft filter pruning (He et al. 2018): filters set to zero may grow back.

`pruning_rounds` has its settings and rounds, `soft_filter_pruning_hook` the
updates, `recovery_report` what grew back, `soft_training` a whole run.
"""
