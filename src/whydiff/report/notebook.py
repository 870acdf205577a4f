"""A page inside a notebook's cell: a frame of its own, so that neither styles the other."""

from __future__ import annotations

from html import escape
from typing import Any

from whydiff.report.documents import document_of
from whydiff.report.html import html

#: pixels of the frame; it can be dragged larger
HEIGHT = 640


def in_notebook(finding: Any) -> str:
    """The page of a finding as one element.

    Scripts of the page run apart from the notebook: the frame has no access to what is around it.
    """
    document = escape(html(document_of(finding)), quote=True)
    return (
        f'<iframe title="whydiff" srcdoc="{document}" sandbox="allow-scripts" width="100%" '
        f'height="{HEIGHT}" style="border:1px solid #8884;border-radius:8px;resize:vertical">'
        "</iframe>"
    )
