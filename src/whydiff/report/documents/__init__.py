"""A document per kind of answer: a file each, found by the class of the answer."""

from __future__ import annotations

import importlib
from typing import Any

from whydiff.report.document import Document

#: class of an answer -> module here whose ``document`` lays it out
DOCUMENTS: dict[str, str] = {
    "Explanation": "explanation",
    "Diff": "diff",
    "Execution": "recording",
    "Study": "study",
    "Comparison": "compare",
    "Verification": "verification",
    "Checked": "check",
    "Bisection": "bisection",
    "Matrix": "matrix",
    "RunDifferences": "tracked_runs",
}


def document_of(answer: Any, name: str = "", among: Any = None) -> Document:
    """The document of an answer; ``name`` is the file it came from, "" if it came from none.

    ``among``, a study, goes to an explanation: A and B are marked on its draws.
    """
    module = importlib.import_module(f"whydiff.report.documents.{DOCUMENTS[type(answer).__name__]}")
    document: Document = (
        module.document(answer, name, among) if among else module.document(answer, name)
    )
    return document
