"""Whole channels taken out of a trained detector.

In: a config and a checkpoint. `groups` finds the slices that go together, with
one rule for each kind of op (`rules/`); `importance` scores them, `selection`
chooses, `surgery` cuts. Out: a narrower checkpoint and its config; `surviving`
finds what is left of a tensor of the dense network.
"""
