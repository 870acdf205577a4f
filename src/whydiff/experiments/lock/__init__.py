"""A training against the one that was locked, without and with training again."""
