"""What each kind of op does to channels, one family of ops a module.

`op_rules.RULES` lists them all.
"""
