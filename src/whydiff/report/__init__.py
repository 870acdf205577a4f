"""Findings -> blocks -> text. Nothing here computes, and nothing here needs Keras."""

from typing import Any

from whydiff.report.show_view import execution_dict
from whydiff.report.terminal import (
    print_comparison,
    print_diff,
    print_execution,
    print_explanation,
    print_study,
    print_verification,
)

__all__ = [
    "execution_dict",
    "html_page",
    "print_comparison",
    "print_diff",
    "print_execution",
    "print_explanation",
    "print_study",
    "print_verification",
]


def html_page(finding: Any, name: str = "", among: Any = None) -> str:
    """The page of a finding as one HTML file; ``name`` is the file it was read from.

    ``among`` is a study on whose draws the A and B of an explanation are marked.
    """
    from whydiff.report.html import html
    from whydiff.report.pages import page_of

    return html(page_of(finding, name, among))
