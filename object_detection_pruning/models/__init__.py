"""Masked feature extractors, and how the stock model builder gets to know them.

`registry` lists them: from the masked type of a config to the stock one.
"""
