"""The main job in stages: data, training, pruning, export, comparison.

`stages` says what is trained with which config, `main_job` runs it all and goes
on where it was stopped.
"""
