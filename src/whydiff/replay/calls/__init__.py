"""Uses of a model that measure, run again: hybrids of two calls, one forward pass each."""
