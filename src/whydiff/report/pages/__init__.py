"""Pages: a finding in, a :class:`~whydiff.report.page.Page` out. A file per kind of finding."""

from __future__ import annotations

import importlib
from typing import Any

from whydiff.report.page import Page

#: class of a finding -> module of this room, whose ``page`` makes its page
PAGES: dict[str, str] = {
    "Explanation": "explanation",
    "Diff": "diff",
    "Execution": "recording",
    "Study": "study",
    "Comparison": "compare",
}


def page_of(finding: Any, name: str = "", among: Any = None) -> Page:
    """The page of a finding; ``name`` is the file it came from, "" if it came from none.

    ``among``, a study, goes to the page of an explanation: A and B are marked on its draws.
    """
    module = importlib.import_module(f"whydiff.report.pages.{PAGES[type(finding).__name__]}")
    page: Page = module.page(finding, name, among) if among else module.page(finding, name)
    return page
