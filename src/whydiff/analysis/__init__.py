"""Divergence, attribution, distances: arrays and plain records in, plain values out; pure."""
