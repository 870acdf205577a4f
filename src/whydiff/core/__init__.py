"""Nouns of the house: frozen dataclasses and digests; the standard library, numpy, xxhash only."""
