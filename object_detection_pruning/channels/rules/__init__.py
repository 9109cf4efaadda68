"""What each kind of op does to channels, one family of ops a module.

`table.RULES` lists them all, and `table.apply` follows channels through an op.
"""
