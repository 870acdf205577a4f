"""Recordings and studies on disk: portable SQLite files.

``FORMAT.md`` and ``STUDY_FORMAT.md`` describe them.
"""

from whydiff.store.opening import kind
from whydiff.store.reader import arrays, load
from whydiff.store.studies import CALIBRATION, PICTURES, PLAN, TARGETS, StudyWriter
from whydiff.store.study_reader import StoredStudy, kept_weights, load_study
from whydiff.store.writer import Writer

__all__ = [
    "CALIBRATION",
    "PICTURES",
    "PLAN",
    "TARGETS",
    "StoredStudy",
    "StudyWriter",
    "Writer",
    "arrays",
    "kept_weights",
    "kind",
    "load",
    "load_study",
]
