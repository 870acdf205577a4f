"""An answer as text: what the terminal shows, Markdown, its page, and what a notebook keeps of it.

A notebook keeps every answer that it shows, so a page there carries no program that draws: its
charts are pictures, where vl-convert is installed, and else their words with their numbers.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from whydiff.core.notebook import CELL, MARKDOWN, PAGE
from whydiff.report.document import Chart, Document, Section, Text
from whydiff.report.documents import document_of
from whydiff.report.html import html
from whydiff.report.markdown import markdown
from whydiff.report.terminal import plain_text, screen_blocks

#: pixels of a page's frame in a notebook, which can be dragged larger, and of a picture in it
HEIGHT, WIDTH = 640, 720
#: bytes of a page in a notebook: with the text beside it an answer stays below 150 kB
MOST_BYTES = 120_000
#: how to see more than a terminal's first screen, said where there are no options
MORE = "More: to_html() is a page with all evidence, to_dict() all numbers."
#: what a picture does without: marks that nobody sees, there to be pointed at on a page that draws,
#: and attributes that neither look like anything nor are read, as the words stand beside it
_UNSEEN = re.compile(
    r'<path [^>]*(?<![\w-])opacity="0"[^>]*/>|'
    r'\s(?:class|role|pointer-events|aria-[a-z]+)="[^"]*"'
)
#: an attribute, and a number in it with more digits than a screen has room for
_ATTRIBUTE, _DIGITS = re.compile(r'="[^"]*"'), re.compile(r"(\d\.\d)\d+")


def rendered(answer: Any, form: str) -> str:
    """The answer in one of the forms of :mod:`whydiff.core.notebook`."""
    document = document_of(answer)
    if form == CELL:
        return in_notebook(document)
    if form == PAGE:
        return html(document)
    if form == MARKDOWN:
        return markdown(document)
    return plain_text(screen_blocks(replace(document, more=MORE if document.more else "")))


def in_notebook(document: Document) -> str:
    """A page as one element of a cell: a frame of its own, so that neither styles the other.

    Nothing in it runs. What there is no room for (pictures first, then the deepest sections) is
    left out; sections are named at its end.
    """
    document = _shortened(document)
    pictures = _Pictures(MOST_BYTES - _size(html(document, _no_picture)))
    page = _escaped(html(document, pictures.draw))
    return (
        f'<iframe title="whydiff" srcdoc="{page}" sandbox="" width="100%" '
        f'height="{HEIGHT}" style="border:1px solid #8884;border-radius:8px;resize:vertical">'
        "</iframe>"
    )


def _shortened(document: Document) -> Document:
    """The document without those of its deepest sections that make its page too large."""
    sections, left_out, shorter = list(document.sections), list[str](), document
    while sections and _size(html(shorter, _no_picture)) > MOST_BYTES:
        deepest = max(range(len(sections)), key=lambda i: (sections[i].depth, i))
        left_out.insert(0, sections.pop(deepest).title)
        said = f"Left out, as a notebook keeps what it shows: {', '.join(left_out)}."
        note = Text(f"{said} answer.to_html() is the whole page.", "note")
        shorter = replace(document, sections=(*sections, Section("left-out", "More", (note,))))
    return shorter


def _escaped(page: str) -> str:
    """A page as the value of an attribute between double quotes, no longer than it needs to be."""
    return page.replace("&", "&amp;").replace('"', "&quot;")


def _size(page: str) -> int:
    return len(_escaped(page).encode())


def _no_picture(chart: Chart) -> str:
    del chart
    return ""


class _Pictures:
    """Draws charts as long as there is room for them."""

    def __init__(self, room: int) -> None:
        self._room = room

    def draw(self, chart: Chart) -> str:
        drawn = picture(chart)
        size = _size(drawn)
        if size > self._room:
            return ""
        self._room -= size
        return drawn


def picture(chart: Chart) -> str:
    """The chart as an SVG element; "" where vl-convert is not installed."""
    try:
        import vl_convert
    except ImportError:
        return ""
    drawn = vl_convert.vegalite_to_svg({**chart.spec(), "width": WIDTH})
    return _ATTRIBUTE.sub(lambda one: _DIGITS.sub(r"\1", one[0]), _UNSEEN.sub("", drawn))
