"""Answers -> documents -> text. Nothing here computes, and nothing here needs Keras."""

from typing import Any

from whydiff.report.documents.recording import execution_dict
from whydiff.report.terminal import print_answer

__all__ = ["execution_dict", "html_page", "print_answer"]


def html_page(answer: Any, name: str = "", among: Any = None) -> str:
    """The page of an answer as one HTML file; ``name`` is the file it was read from.

    ``among`` is a study on whose draws the A and B of an explanation are marked.
    """
    from whydiff.report.documents import document_of
    from whydiff.report.html import html

    return html(document_of(answer, name, among))
