"""Intervals, tests, effects, distances: arrays in, named tuples out; pure."""
