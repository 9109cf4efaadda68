"""The `pruning` message that extends OD API's pipeline config."""
