"""Recordings on disk: one portable SQLite file per execution; ``FORMAT.md`` describes it."""

from whydiff.store.reader import arrays, load
from whydiff.store.writer import Writer

__all__ = ["Writer", "arrays", "load"]
