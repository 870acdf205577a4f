"""Recordings and studies on disk: portable SQLite files.

``FORMAT.md`` and ``STUDY_FORMAT.md`` describe them.
"""

from whydiff.storage.opening import check_place, identity, kind
from whydiff.storage.reader import arrays, load, take_in
from whydiff.storage.sealing import Sealed, seal
from whydiff.storage.studies import (
    CALIBRATION,
    ELSEWHERE,
    PICTURES,
    PLAN,
    TARGETS,
    StudyWriter,
)
from whydiff.storage.study_reader import StoredStudy, kept_weights, load_study
from whydiff.storage.writer import Extent, Writer

__all__ = [
    "CALIBRATION",
    "ELSEWHERE",
    "PICTURES",
    "PLAN",
    "TARGETS",
    "Extent",
    "Sealed",
    "StoredStudy",
    "StudyWriter",
    "Writer",
    "arrays",
    "check_place",
    "identity",
    "kept_weights",
    "kind",
    "load",
    "load_study",
    "seal",
    "take_in",
]
